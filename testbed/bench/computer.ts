/** The computer and the versions with which the figures were measured. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { runOn } from "../stacks/hosts.ts";
import { root } from "../stacks/trial-stack.ts";
import { runCommand } from "./command.ts";
import type { Site } from "./site.ts";

export interface BenchComputer {
  readonly cores: number;
  readonly processor: string;
  /** GiB. */
  readonly memory: number;
  readonly system: string;
  readonly kernel: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** @returns the first version number that a command prints; `–` when the command fails */
async function readVersion(...command: [string, ...string[]]): Promise<string> {
  const { output } = await runCommand(command, { cwd: root, timeoutSeconds: 60 }).catch(() => ({
    output: "",
  }));
  return /\d+(\.\d+)+/.exec(output)?.[0] ?? "–";
}

export function describeComputer(versions: Readonly<Record<string, string>>): BenchComputer {
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

/** @returns the versions of the tools on this computer */
export async function readToolVersions(): Promise<Record<string, string>> {
  return {
    Node: process.versions.node,
    "Pulumi CLI": await readVersion("npm", "run", "-s", "pulumi", "--", "version"),
    "ansible-core": await readVersion("ansible", "--version"),
    OpenSSH: await readVersion("ssh", "-V"),
    podman: await readVersion("podman", "--version"),
  };
}

/** @returns the versions of the software on a lab's hosts */
export async function readHostVersions({ brokers, balancers }: Site): Promise<Record<string, string>> {
  const [broker = "", balancer = ""] = [brokers[0], balancers[0]];
  const installed = async (host: string, name: string): Promise<string> => {
    const found = await runOn(host, `dpkg-query -W -f '\${Version}' ${name}`).catch(() => "–");
    return found.replace(/^\d+:/, "").replace(/[-+~].*$/, "");
  };
  return {
    RabbitMQ: await installed(broker, "rabbitmq-server"),
    Erlang: await installed(broker, "erlang-base"),
    HAProxy: await installed(balancer, "haproxy"),
    Keepalived: await installed(balancer, "keepalived"),
  };
}
