/** Prepares a lab for the SSH script and the playbook: names, a folder and an environment, but no hosts yet. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { seriesTablePath } from "../../hosts/rabbitmq-series.ts";
import { podmanEnv } from "../labs/hosts.ts";
import { render } from "../../templates/render.ts";
import { addressOf, siteOf, removeSite, virtualAddressOf, type Site } from "./site.ts";
import type { ToolContext } from "./tool.ts";

/** The packages that the lab's hosts share; see templates/lab/podman. */
const packagesFolder = "/var/lib/rabbitmq-ha-lab/packages/bookworm";

/** The folder of the agent that runs on the hosts. */
const agentFolder = join(import.meta.dirname, "..", "..", "agent");

export interface LabSetup {
  readonly site: Site;
  /** The folder of this lab alone. */
  readonly workFolder: string;
  /** The environment that testbed/bench/script/lab.sh and up.sh need. */
  readonly env: NodeJS.ProcessEnv;
  readonly secrets: { readonly cookie: string; readonly password: string };
  readonly remove: () => Promise<void>;
}

export function networkName(prefix: string): string {
  return `rabbitmq-ha-bench-${prefix}`;
}

export async function prepareLab(
  prefix: string,
  net: number,
  size: number,
  { image }: ToolContext,
): Promise<LabSetup> {
  const at = siteOf(prefix, net, size);
  const network = networkName(prefix);
  await removeSite(at, network);
  const work = await mkdtemp(join(tmpdir(), "rabbitmq-ha-bench-"));
  for (const host of [...at.brokers, ...at.balancers]) {
    const own = join(work, "own", host);
    await mkdir(own, { recursive: true });
    await copyProgram(own);
    // The playbook sends the agent as one file, since Ansible needs a second for each file.
    await execa("tar", ["-C", own, "--owner=0", "--group=0", "-cf", join(own, "agent.tar"), "agent"]);
    for (const [name, text] of Object.entries(agentFiles(host, at))) {
      await writeFile(join(own, name), text);
    }
  }
  const secrets = { cookie: randomBytes(20).toString("hex"), password: randomBytes(12).toString("hex") };
  const list = (hosts: readonly string[]): string =>
    hosts.map((host) => `${host}=${addressOf(at, host)}`).join(" ");
  return {
    site: at,
    workFolder: work,
    secrets,
    env: {
      ...process.env,
      ...podmanEnv,
      NETWORK: network,
      SUBNET: `192.168.${net}.0/24`,
      IMAGE: await image(),
      PACKAGES: packagesFolder,
      BROKERS: list(at.brokers),
      BALANCERS: list(at.balancers),
      ADDRESS: virtualAddressOf(at),
      WORK: work,
      COOKIE: secrets.cookie,
      PASSWORD: secrets.password,
    },
    remove: async () => {
      await removeSite(at, network);
      await rm(work, { recursive: true, force: true });
    },
  };
}

/** Copies the program that runs on the hosts, with the table that it reads, as they are sent to them. */
export async function copyProgram(folder: string): Promise<void> {
  const filter = (path: string): boolean => !path.includes("__pycache__");
  await cp(agentFolder, join(folder, "agent"), { recursive: true, filter });
  await cp(seriesTablePath, join(folder, "agent", "series.json"));
}

/** @returns a host's files for this project's own agent, beside the agent itself; every tool installs the same */
function agentFiles(name: string, { brokers, balancers }: Site): Record<string, string> {
  if (balancers.includes(name)) {
    return { "revive-haproxy": readFileSync(join(import.meta.dirname, "script", "revive-haproxy"), "utf8") };
  }
  const asked = name === brokers[0] ? brokers.slice(1) : brokers.slice(0, 1);
  return { "broker.conf": render("rabbitmq-ha/broker.conf", { brokers, asked, port: 5672, metricsPort: 0 }) };
}
