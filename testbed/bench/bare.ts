/** What the SSH script and the playbook begin with: names, a folder and an environment, but no host yet. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { podmanEnv } from "../labs/hosts.ts";
import { render } from "../../templates/render.ts";
import { address, site, sweep, virtualAddress, type Site } from "./site.ts";
import type { Surroundings } from "./tool.ts";

/** The packages that the lab's hosts share; see templates/lab/podman. */
const packages = "/var/lib/rabbitmq-ha-lab/packages/bookworm";

/** The program that runs on the hosts. */
const program = join(import.meta.dirname, "..", "..", "agent");

export interface Bare {
  readonly site: Site;
  /** A folder for this lab alone. */
  readonly work: string;
  /** As testbed/bench/script/lab.sh and up.sh want it. */
  readonly env: NodeJS.ProcessEnv;
  readonly secrets: { readonly cookie: string; readonly password: string };
  readonly remove: () => Promise<void>;
}

export function networkOf(prefix: string): string {
  return `rabbitmq-ha-bench-${prefix}`;
}

export async function bare(
  prefix: string,
  net: number,
  size: number,
  { image }: Surroundings,
): Promise<Bare> {
  const at = site(prefix, net, size);
  const network = networkOf(prefix);
  await sweep(at, network);
  const work = await mkdtemp(join(tmpdir(), "rabbitmq-ha-bench-"));
  for (const host of [...at.brokers, ...at.balancers]) {
    const own = join(work, "own", host);
    await mkdir(own, { recursive: true });
    await cp(program, join(own, "agent"), {
      recursive: true,
      filter: (path) => !path.includes("__pycache__"),
    });
    // The playbook sends the program as one file, since Ansible takes a second for each.
    await execa("tar", ["-C", own, "--owner=0", "--group=0", "-cf", join(own, "agent.tar"), "agent"]);
    for (const [name, text] of Object.entries(ownScripts(host, at))) {
      await writeFile(join(own, name), text);
    }
  }
  const secrets = { cookie: randomBytes(20).toString("hex"), password: randomBytes(12).toString("hex") };
  const list = (hosts: readonly string[]): string =>
    hosts.map((host) => `${host}=${address(at, host)}`).join(" ");
  return {
    site: at,
    work,
    secrets,
    env: {
      ...process.env,
      ...podmanEnv,
      NETWORK: network,
      SUBNET: `192.168.${net}.0/24`,
      IMAGE: await image(),
      PACKAGES: packages,
      BROKERS: list(at.brokers),
      BALANCERS: list(at.balancers),
      ADDRESS: virtualAddress(at),
      WORK: work,
      COOKIE: secrets.cookie,
      PASSWORD: secrets.password,
    },
    remove: async () => {
      await sweep(at, network);
      await rm(work, { recursive: true, force: true });
    },
  };
}

/** @returns a host's files for this project's own programs, beside the program itself: all the tools install the same */
function ownScripts(name: string, { brokers, balancers }: Site): Record<string, string> {
  if (balancers.includes(name)) {
    return { "revive-haproxy": readFileSync(join(import.meta.dirname, "script", "revive-haproxy"), "utf8") };
  }
  const asked = name === brokers[0] ? brokers.slice(1) : brokers.slice(0, 1);
  return { "broker.conf": render("rabbitmq-ha/broker.conf", { brokers, asked, port: 5672, metricsPort: 0 }) };
}
