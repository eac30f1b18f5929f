/** On what the figures were measured. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { on } from "../labs/hosts.ts";
import { root } from "../labs/trial-stack.ts";
import { run } from "./command.ts";
import type { Site } from "./site.ts";

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  /** GiB. */
  readonly memory: number;
  readonly system: string;
  readonly kernel: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** @returns the first version number that a command prints; `–` where it cannot be asked */
async function version(...command: [string, ...string[]]): Promise<string> {
  const { output } = await run(command, { cwd: root, deadline: 60 }).catch(() => ({ output: "" }));
  return /\d+(\.\d+)+/.exec(output)?.[0] ?? "–";
}

export function machine(versions: Readonly<Record<string, string>>): Machine {
  const system = /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    memory: Math.round(totalmem() / 2 ** 30),
    system: system ?? "unknown",
    kernel: release(),
    versions,
  };
}

/** The tools on this machine. */
export async function toolVersions(): Promise<Record<string, string>> {
  return {
    Node: process.versions.node,
    "Pulumi CLI": await version("npm", "run", "-s", "pulumi", "--", "version"),
    "ansible-core": await version("ansible", "--version"),
    OpenSSH: await version("ssh", "-V"),
    podman: await version("podman", "--version"),
  };
}

/** The software on a lab's hosts. */
export async function hostVersions({ brokers, balancers }: Site): Promise<Record<string, string>> {
  const [broker = "", balancer = ""] = [brokers[0], balancers[0]];
  const installed = async (host: string, name: string): Promise<string> => {
    const found = await on(host, `dpkg-query -W -f '\${Version}' ${name}`).catch(() => "–");
    return found.replace(/^\d+:/, "").replace(/[-+~].*$/, "");
  };
  return {
    RabbitMQ: await installed(broker, "rabbitmq-server"),
    Erlang: await installed(broker, "erlang-base"),
    HAProxy: await installed(balancer, "haproxy"),
    Keepalived: await installed(balancer, "keepalived"),
  };
}
