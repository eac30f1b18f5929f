/**
 * Given machines: machines handed over to the program, as with `platform: existing`. They exist before the program runs
 * and it does not own them. They are created as the lab creates its hosts, but outside the program, each with its own
 * SSH host keys.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { baseImageOf } from "../../platforms/lab/image.ts";
import { makePrivateKey, derivePublicKey } from "../../platforms/ssh-keys.ts";
import { render } from "../../templates/render.ts";
import * as hosts from "../stacks/hosts.ts";
import { runBash, runLogged, runTemplate } from "../stacks/run-script.ts";
import { recipes, type StandInSystem } from "./recipes.ts";
import { loginScript, mirrorScript } from "./scripts.ts";
import { renderSettings, type MachineLayout, type GivenMachine } from "./settings.ts";
import { readMirror, describeStandIn, type Mirror } from "./stand-in.ts";

export interface GivenMachinesArgs {
  /** The start of the machines' names, 1–3 letters or digits, the first a letter; not used by another lab. */
  readonly name: string;
  /** The machines' own subnet, 192.168.x.0/24. */
  readonly subnet: string;
  readonly os: "debian-12" | "debian-13" | StandInSystem;
  /** Number of machines: two are balancers, the others brokers. @default 5 */
  readonly hosts?: number;
  /** Whether there is one more machine, the only one from which the others accept logins. @default false */
  readonly bastion?: boolean;
  /** The login user: root, or a user that becomes root by sudo while root cannot log in. @default "root" */
  readonly login?: "root" | "sudo";
}

/** The user that becomes root by sudo. */
const sudoUser = "operator";

/** Names of one set of given machines, by which all its resources are found. */
const labLabel = (name: string): string => `given-${name}`;
const networkName = (name: string): string => `rabbitmq-ha-given-${name}`;
const folderPrefix = (name: string): string => `rabbitmq-ha-given-${name}-`;

/** Given machines for one test. */
export class GivenMachines {
  readonly os: GivenMachinesArgs["os"];
  readonly machines: readonly GivenMachine[];
  readonly bastion: GivenMachine | undefined;
  /** The login user. */
  readonly user: string;
  readonly virtualAddress: string;
  /** The file of the private key that every machine and the bastion accept; only its owner can read it. */
  readonly privateKeyFile: string;
  /** The host keys of all machines and of the bastion, as ssh-keyscan prints them. */
  readonly hostKeys: string;
  /** The mirror with a stand-in's packages; undefined for other systems, and for an image that the user has set. */
  readonly mirror: Mirror | undefined;
  readonly #name: string;
  readonly #subnet: string;

  private constructor(
    args: GivenMachinesArgs,
    layout: Omit<MachineLayout, "os">,
    mirror: Mirror | undefined,
  ) {
    this.os = args.os;
    this.machines = layout.machines;
    this.bastion = layout.bastion;
    this.user = layout.user;
    this.virtualAddress = layout.virtualAddress;
    this.privateKeyFile = layout.privateKeyFile;
    this.hostKeys = layout.hostKeys;
    this.mirror = mirror;
    this.#name = args.name;
    this.#subnet = args.subnet;
  }

  get brokers(): readonly GivenMachine[] {
    return this.machines.slice(0, -2);
  }

  get balancers(): readonly GivenMachine[] {
    return this.machines.slice(-2);
  }

  /**
   * Removes what an earlier run of the same name has left, and creates machines that answer by SSH.
   * @throws when one cannot be created; all are removed then
   */
  static async create(args: GivenMachinesArgs): Promise<GivenMachines> {
    const { name, subnet } = args;
    if (!/^[a-z][a-z0-9]{0,2}$/.test(name))
      throw new Error(
        `${name} is not a valid name for given machines; use 1-3 lower-case letters or digits, the first a letter`,
      );
    // Writes the configuration file that podman needs for every command.
    await runTemplate("lab/podman", {});
    await GivenMachines.removeLeftovers(name, subnet);
    try {
      return await createMachines(args, (layout, mirror) => new GivenMachines(args, layout, mirror));
    } catch (error) {
      await GivenMachines.removeLeftovers(name, subnet);
      throw error;
    }
  }

  /** @returns the `rabbitmq-ha:*` lines of a stack's file, for its `config:` */
  stackConfig(): string {
    return renderSettings(this);
  }

  /** Runs a script in bash as root on a machine, without SSH. @returns its standard output */
  async runOn(host: string, script: string, timeoutSeconds?: number): Promise<string> {
    return hosts.runOn(this.#checkHost(host), script, timeoutSeconds);
  }

  /** Takes a machine's power away. */
  async powerOff(host: string): Promise<void> {
    await hosts.powerOff(this.#checkHost(host));
  }

  async powerOn(host: string): Promise<void> {
    await hosts.powerOn(this.#checkHost(host));
  }

  /** @returns their resources on this computer: containers, network, route, folder */
  async findLeftovers(): Promise<string[]> {
    return findLeftovers(this.#name, this.#subnet);
  }

  /** Removes all of them. @throws when something is left */
  async remove(): Promise<void> {
    await GivenMachines.removeLeftovers(this.#name, this.#subnet);
  }

  /** Removes by force what a killed run of this name has left, and nothing else. */
  static async removeLeftovers(name: string, subnet: string): Promise<void> {
    await ensureFree(name, subnet);
    const all = await listContainers(name);
    const net = Number(subnet.split(".")[2]);
    // The lab's order: containers, network, and last the route that protects them.
    if (all.length > 0 || (await findLeftovers(name, subnet)).length > 0) {
      await hosts.removeLab({ hosts: all, network: networkName(name), net });
    }
    for (const entry of await listFolders(name)) await rm(entry, { recursive: true, force: true });
    const left = await findLeftovers(name, subnet);
    if (left.length > 0) throw new Error(`given machines ${name} were not removed:\n${left.join("\n")}`);
  }

  #checkHost(host: string): string {
    const all = [...this.machines, ...(this.bastion === undefined ? [] : [this.bastion])];
    if (!all.some(({ name }) => name === host)) throw new Error(`${host} is not one of these machines`);
    return host;
  }
}

/** @throws when the subnet belongs to another lab, whose protecting route must stay */
async function ensureFree(name: string, subnet: string): Promise<void> {
  if (!/^192\.168\.\d+\.0\/24$/.test(subnet))
    throw new Error(`the subnet ${subnet} is not valid; give one of the form 192.168.x.0/24`);
  const names = (await hosts.podman("network", "ls", "--format", "{{.Name}}")).split("\n");
  const others = names.filter((each) => each !== "" && each !== networkName(name));
  if (others.length === 0) return;
  // A network that was removed meanwhile does not count.
  const seen = await Promise.all(
    others.map((each) => hosts.podman("network", "inspect", each).catch(() => "")),
  );
  const owner = others.find((_, index) => seen[index]?.includes(`"${subnet}"`));
  if (owner !== undefined)
    throw new Error(
      `the subnet ${subnet} belongs to the network ${owner}; choose another one for the given machines`,
    );
}

async function listContainers(name: string): Promise<string[]> {
  const filter = ["--filter", `label=rabbitmq-ha.lab=${labLabel(name)}`, "--format", "{{.Names}}"];
  return (await hosts.podman("ps", "-a", ...filter)).split("\n").filter((line) => line !== "");
}

async function listFolders(name: string): Promise<string[]> {
  const found = await readdir(tmpdir());
  return found.filter((entry) => entry.startsWith(folderPrefix(name))).map((entry) => join(tmpdir(), entry));
}

async function findLeftovers(name: string, subnet: string): Promise<string[]> {
  const network = await hosts.podman("network", "ls", "-q", "--filter", `name=^${networkName(name)}$`);
  const { stdout: route } = await execa("ip", ["route", "show", "root", subnet]);
  return [...(await listContainers(name)), network, route, ...(await listFolders(name))].filter(
    (text) => text !== "",
  );
}

/** Creates first, one after the other, what all machines need, then all machines at once. */
async function createMachines<Made>(
  args: GivenMachinesArgs,
  finish: (layout: Omit<MachineLayout, "os">, mirror: Mirror | undefined) => Made,
): Promise<Made> {
  const { name, subnet, os, hosts: count = 5, bastion: guarded = false, login = "root" } = args;
  const address = (last: number): string => subnet.replace(/\d+\/\d+$/, String(last));
  const [lab, network, user] = [labLabel(name), networkName(name), login === "root" ? "root" : sudoUser];
  const machines = Array.from({ length: count }, (_, index) => ({
    name: `${name}${120 + index}`,
    address: address(120 + index),
  }));
  const bastion = guarded ? { name: `${name}110`, address: address(110) } : undefined;

  await runTemplate("lab/route.sh", { subnet });
  await runTemplate("lab/network.sh", { network, subnet, lab });
  const images = await buildImages(os);
  const privateKey = makePrivateKey(name);
  const folder = await mkdtemp(join(tmpdir(), folderPrefix(name)));
  const privateKeyFile = join(folder, "id_ed25519");
  await writeFile(privateKeyFile, privateKey, { mode: 0o600 });

  const make = async (machine: GivenMachine, image: string, from: string): Promise<string> => {
    const hostKey = makePrivateKey(machine.name);
    const spec = randomBytes(6).toString("hex");
    const values = { ...machine, image, network, lab, spec, packages: images.packages };
    const keys = { hostKey: derivePublicKey(hostKey), authorizedKey: derivePublicKey(privateKey) };
    await runTemplate("lab/machine.sh", { ...values, ...keys }, hostKey);
    const script = loginScript({ user, sudo: login === "sudo", from });
    const shown = await hosts.runOn(machine.name, `set -eu\n${script}`, 120);
    return shown.trim().replaceAll(/^(\S+ \S+).*$/gm, `${machine.address} $1`);
  };
  const making = [
    ...(bastion === undefined ? [] : [make(bastion, images.base, "")]),
    ...machines.map((machine) => make(machine, images.image, bastion?.address ?? "")),
  ];
  // Waits for all, also after an error, so that nothing is created during the clean-up.
  const ended = await Promise.allSettled(making);
  const hostKeys = ended.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
  let mirror: Mirror | undefined;
  if (images.recipe !== undefined) {
    const at = { name: `${name}mirror`, address: address(10) };
    await runBash(mirrorScript({ ...at, network, lab, image: images.image, recipe: images.recipe }));
    mirror = await readMirror(images.recipe, `http://${at.address}`);
  }
  const reached = {
    user,
    virtualAddress: address(100),
    privateKeyFile,
    hostKeys: `${hostKeys.join("\n")}\n`,
  };
  return finish({ machines, bastion, ...reached }, mirror);
}

interface Images {
  readonly base: string;
  readonly image: string;
  /** The folder of packages that the machines share; see templates/lab/podman. */
  readonly packages: string;
  /** The hash of the stand-in's recipe, which names its mirror's folder. */
  readonly recipe?: string;
}

/** Builds the missing images; logs progress to standard error. */
async function buildImages(os: GivenMachinesArgs["os"]): Promise<Images> {
  const base = baseImageOf(os === "debian-13" ? "debian-13" : "debian-12");
  await runLogged(render("lab/image.sh", base));
  const names = { base: base.image, packages: base.suite };
  if (os === "debian-12" || os === "debian-13") return { ...names, image: base.image };
  const userImage = process.env[recipes[os].imageVariable] ?? "";
  if (userImage !== "") {
    await runLogged(render("lab/given-image.sh", { image: userImage }));
    return { ...names, image: userImage };
  }
  const { image, recipe, hostScript, containerScript } = describeStandIn(os, base.image);
  await runLogged(hostScript, containerScript);
  return { ...names, image, recipe };
}
