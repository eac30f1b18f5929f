/**
 * Machines that are there before the program runs and that it does not own, as `platform: existing` meets them: made
 * as the lab makes its hosts, but outside the program, each with SSH host keys of its own.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { baseImage } from "../../platforms/lab/image.ts";
import { makeKey, publicHalf } from "../../platforms/ssh-keys.ts";
import { render } from "../../templates/render.ts";
import * as hosts from "../labs/hosts.ts";
import { recipes, type StandInSystem } from "./recipes.ts";
import { loginScript, mirrorScript } from "./scripts.ts";
import { settings, type Layout, type Machine } from "./settings.ts";
import { contents, standIn, type Mirror } from "./stand-in.ts";

export interface StrangersArgs {
  /** The start of the machines' names, 1–3 letters or digits, the first a letter; no other lab's. */
  readonly name: string;
  /** The machines' own network, 192.168.x.0/24. */
  readonly subnet: string;
  readonly os: "debian-12" | "debian-13" | StandInSystem;
  /** How many: two are balancers, the others brokers. @default 5 */
  readonly hosts?: number;
  /** Whether one more machine is the only one from which the others can be logged in to. @default false */
  readonly bastion?: boolean;
  /** As whom: root, or a user that becomes root by sudo where root cannot log in. @default "root" */
  readonly login?: "root" | "sudo";
}

/** The user that becomes root by sudo. */
const sudoUser = "operator";
/** Seconds that one script may take: a machine's boot, or an image that has to be built first. */
const patience = 900;

/** Names of one set of strangers, by which all that belongs to it is found. */
const labOf = (name: string): string => `strangers-${name}`;
const networkOf = (name: string): string => `rabbitmq-ha-strangers-${name}`;
const folderOf = (name: string): string => `rabbitmq-ha-strangers-${name}-`;

type Values = Readonly<Record<string, string | boolean | readonly string[]>>;

/** Runs a template's script on this computer, as the program's own lab does. @returns what it printed */
async function local(template: string, values: Values, input?: string): Promise<string> {
  return bash(render(template, values), input);
}

async function bash(script: string, input = ""): Promise<string> {
  const { stdout } = await execa("bash", ["-c", `set -eu\n${script}`], {
    input,
    timeout: patience * 1000,
    // What takes long says so.
    stderr: ["pipe", "inherit"],
  });
  return stdout;
}

/** Machines of a stranger's, for one test. */
export class Strangers {
  readonly os: StrangersArgs["os"];
  readonly machines: readonly Machine[];
  readonly bastion: Machine | undefined;
  /** As whom one logs in. */
  readonly user: string;
  readonly virtualAddress: string;
  /** The file of the key that every machine, and the bastion, takes; its owner's alone. */
  readonly privateKeyFile: string;
  /** What ssh-keyscan prints of all the machines, and of the bastion. */
  readonly hostKeys: string;
  /** Where a stand-in's packages are; absent for other systems, and for an image of the user's own. */
  readonly mirror: Mirror | undefined;
  readonly #name: string;
  readonly #subnet: string;

  private constructor(args: StrangersArgs, layout: Omit<Layout, "os">, mirror: Mirror | undefined) {
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

  get brokers(): readonly Machine[] {
    return this.machines.slice(0, -2);
  }

  get balancers(): readonly Machine[] {
    return this.machines.slice(-2);
  }

  /**
   * Removes what an earlier run of the same name left, and makes machines that answer by SSH.
   * @throws when one cannot be made; nothing is left then
   */
  static async make(args: StrangersArgs): Promise<Strangers> {
    const { name, subnet } = args;
    if (!/^[a-z][a-z0-9]{0,2}$/.test(name)) throw new Error(`${name} is no name for strangers: 1-3 letters`);
    // Writes the file without which podman does not even answer.
    await local("lab/podman", {});
    await Strangers.sweep(name, subnet);
    try {
      return await made(args, (layout, mirror) => new Strangers(args, layout, mirror));
    } catch (error) {
      await Strangers.sweep(name, subnet);
      throw error;
    }
  }

  /** The `rabbitmq-ha:*` lines of a stack's file, to stand below its `config:`. */
  stackConfig(): string {
    return settings(this);
  }

  /** Runs a script in bash as root on a machine, without SSH. @returns what it printed */
  async on(host: string, script: string, seconds?: number): Promise<string> {
    return hosts.on(this.#own(host), script, seconds);
  }

  /** Takes a machine's power away. */
  async powerOff(host: string): Promise<void> {
    await hosts.powerOff(this.#own(host));
  }

  async powerOn(host: string): Promise<void> {
    await hosts.powerOn(this.#own(host));
  }

  /** What of it is on this computer: containers, network, route, folder. */
  async remains(): Promise<string[]> {
    return remains(this.#name, this.#subnet);
  }

  /** Removes all of it. @throws when something stays */
  async end(): Promise<void> {
    await Strangers.sweep(this.#name, this.#subnet);
  }

  /** Removes by force whatever a killed run of this name left; nothing of anybody else's. */
  static async sweep(name: string, subnet: string): Promise<void> {
    await ensureFree(name, subnet);
    const all = await containers(name);
    const net = Number(subnet.split(".")[2]);
    // The lab's own order: containers, network, and last the route that guards them.
    if (all.length > 0 || (await remains(name, subnet)).length > 0) {
      await hosts.sweep({ hosts: all, network: networkOf(name), net });
    }
    for (const entry of await folders(name)) await rm(entry, { recursive: true, force: true });
    const left = await remains(name, subnet);
    if (left.length > 0) throw new Error(`strangers ${name} were not removed:\n${left.join("\n")}`);
  }

  #own(host: string): string {
    const all = [...this.machines, ...(this.bastion === undefined ? [] : [this.bastion])];
    if (!all.some(({ name }) => name === host)) throw new Error(`${host} is none of these machines`);
    return host;
  }
}

/** @throws when the network is another lab's, whose guarding route must stay */
async function ensureFree(name: string, subnet: string): Promise<void> {
  if (!/^192\.168\.\d+\.0\/24$/.test(subnet)) throw new Error(`${subnet} is not of the form 192.168.x.0/24`);
  const names = (await hosts.podman("network", "ls", "--format", "{{.Name}}")).split("\n");
  const others = names.filter((each) => each !== "" && each !== networkOf(name));
  if (others.length === 0) return;
  // One that is gone by now is no other lab's any more.
  const seen = await Promise.all(
    others.map((each) => hosts.podman("network", "inspect", each).catch(() => "")),
  );
  const owner = others.find((_, index) => seen[index]?.includes(`"${subnet}"`));
  if (owner !== undefined) throw new Error(`${subnet} is the network ${owner}'s; give strangers another`);
}

async function containers(name: string): Promise<string[]> {
  const filter = ["--filter", `label=rabbitmq-ha.lab=${labOf(name)}`, "--format", "{{.Names}}"];
  return (await hosts.podman("ps", "-a", ...filter)).split("\n").filter((line) => line !== "");
}

async function folders(name: string): Promise<string[]> {
  const found = await readdir(tmpdir());
  return found.filter((entry) => entry.startsWith(folderOf(name))).map((entry) => join(tmpdir(), entry));
}

async function remains(name: string, subnet: string): Promise<string[]> {
  const network = await hosts.podman("network", "ls", "-q", "--filter", `name=^${networkOf(name)}$`);
  const { stdout: route } = await execa("ip", ["route", "show", "root", subnet]);
  return [...(await containers(name)), network, route, ...(await folders(name))].filter(
    (text) => text !== "",
  );
}

/** One after the other what all machines need, then all machines at once. */
async function made<Made>(
  args: StrangersArgs,
  finish: (layout: Omit<Layout, "os">, mirror: Mirror | undefined) => Made,
): Promise<Made> {
  const { name, subnet, os, hosts: count = 5, bastion: guarded = false, login = "root" } = args;
  const address = (last: number): string => subnet.replace(/\d+\/\d+$/, String(last));
  const [lab, network, user] = [labOf(name), networkOf(name), login === "root" ? "root" : sudoUser];
  const machines = Array.from({ length: count }, (_, index) => ({
    name: `${name}${120 + index}`,
    address: address(120 + index),
  }));
  const bastion = guarded ? { name: `${name}110`, address: address(110) } : undefined;

  await local("lab/route.sh", { subnet });
  await local("lab/network.sh", { network, subnet, lab });
  const images = await madeImages(os);
  const privateKey = makeKey(name);
  const folder = await mkdtemp(join(tmpdir(), folderOf(name)));
  const privateKeyFile = join(folder, "id_ed25519");
  await writeFile(privateKeyFile, privateKey, { mode: 0o600 });

  const make = async (machine: Machine, image: string, from: string): Promise<string> => {
    const hostKey = makeKey(machine.name);
    const spec = randomBytes(6).toString("hex");
    const values = { ...machine, image, network, lab, spec, packages: images.packages };
    const keys = { hostKey: publicHalf(hostKey), authorizedKey: publicHalf(privateKey) };
    await local("lab/machine.sh", { ...values, ...keys }, hostKey);
    const script = loginScript({ user, sudo: login === "sudo", from });
    const shown = await hosts.on(machine.name, `set -eu\n${script}`, 120);
    return shown.trim().replaceAll(/^(\S+ \S+).*$/gm, `${machine.address} $1`);
  };
  const making = [
    ...(bastion === undefined ? [] : [make(bastion, images.base, "")]),
    ...machines.map((machine) => make(machine, images.image, bastion?.address ?? "")),
  ];
  // Not before the last one has ended is it known that nothing more is made.
  const ended = await Promise.allSettled(making);
  const hostKeys = ended.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
  let mirror: Mirror | undefined;
  if (images.recipe !== undefined) {
    const at = { name: `${name}mirror`, address: address(10) };
    await bash(mirrorScript({ ...at, network, lab, image: images.image, recipe: images.recipe }));
    mirror = await contents(images.recipe, `http://${at.address}`);
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
  /** Of the stand-in, whose mirror goes by it. */
  readonly recipe?: string;
}

/** Builds what is not there yet; how far it is goes to standard error. */
async function madeImages(os: StrangersArgs["os"]): Promise<Images> {
  const base = baseImage(os === "debian-13" ? "debian-13" : "debian-12");
  const said = async (script: string, input = ""): Promise<void> => {
    await bash(`exec >&2\n${script}`, input);
  };
  await said(render("lab/image.sh", base));
  const names = { base: base.image, packages: base.suite };
  if (os === "debian-12" || os === "debian-13") return { ...names, image: base.image };
  const given = process.env[recipes[os].imageVariable] ?? "";
  if (given !== "") {
    await said(render("lab/given-image.sh", { image: given }));
    return { ...names, image: given };
  }
  const { image, recipe, script, inner } = standIn(os, base.image);
  await said(script, inner);
  return { ...names, image, recipe };
}
