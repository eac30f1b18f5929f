/** Prepares a lab for the SSH script and the playbook: names, a folder and an environment, but no hosts yet. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { podmanEnv } from "../../hosts/lab-podman.ts";
import { writeOwnFiles } from "./own-files.ts";
import { addressOf, siteOf, removeSite, virtualAddressOf, type Site } from "./site.ts";
import type { ToolContext } from "./tool.ts";

/** The packages that the lab's hosts share; see templates/lab/podman. */
const packagesFolder = "/var/lib/rabbitmq-ha-lab/packages/bookworm";

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

/** @returns what the script's functions ask of the environment to know the hosts */
export function siteEnv(at: Site, workFolder: string): Record<string, string> {
  const list = (hosts: readonly string[]): string =>
    hosts.map((host) => `${host}=${addressOf(at, host)}`).join(" ");
  return {
    BROKERS: list(at.brokers),
    BALANCERS: list(at.balancers),
    ADDRESS: virtualAddressOf(at),
    WORK: workFolder,
  };
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
    await writeOwnFiles(join(work, "own", host), host, at);
  }
  const secrets = { cookie: randomBytes(20).toString("hex"), password: randomBytes(12).toString("hex") };
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
      ...siteEnv(at, work),
      COOKIE: secrets.cookie,
      PASSWORD: secrets.password,
    },
    remove: async () => {
      await removeSite(at, network);
      await rm(work, { recursive: true, force: true });
    },
  };
}
