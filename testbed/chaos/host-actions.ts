/**
 * Faults of a lab host, made from outside: signals to its processes, lost packets, loss of power. The host is a
 * container on this computer, so its processes and its network can be reached without its help.
 */
import { readdir, readFile, readlink } from "node:fs/promises";
import { execa } from "execa";
import { runOn as onHost, podman } from "../stacks/hosts.ts";

/** Seconds that one command in a host's network may take. */
const commandTimeoutSeconds = 60;
/** The nftables table in the host's network namespace, which is lost when the host is powered off. */
const nftTable = "chaos";

/** @returns the process id, on this computer, of the host's first process; 0 while its power is off */
export async function readHostPid(host: string): Promise<number> {
  return Number(await podman("inspect", "--format", "{{.State.Pid}}", host));
}

/** @returns the process ids, on this computer, of the host's processes with this name */
export async function findPids(host: string, command: string): Promise<number[]> {
  const space = (pid: string): Promise<string> => readlink(`/proc/${pid}/ns/pid`).catch(() => "");
  const own = await space(String(await readHostPid(host)));
  const numbers = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    numbers.map(async (pid) => {
      const comm = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
      return comm.trim() === command && (await space(pid)) === own ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

/** Sends a signal to each process. A process that has already ended is no error. */
export function sendSignal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}

/** Runs a script in bash on the host, up to the first command that fails. @returns its standard output */
export async function runOn(host: string, script: string, timeoutSeconds?: number): Promise<string> {
  return onHost(host, `set -e\n${script}`, timeoutSeconds);
}

/**
 * Drops the host's packets in both directions. Neither side notices: no RST, no error, no lost carrier, as behind a
 * switch that has failed. @param peers addresses to and from which packets are dropped @default all
 */
export async function dropPackets(host: string, peers?: readonly string[]): Promise<void> {
  const drop = (side: string): string =>
    peers === undefined ? "drop" : `ip ${side} { ${peers.join(", ")} } drop`;
  const chain = (hook: string, side: string): string =>
    `chain ${hook} {\ntype filter hook ${hook} device "eth0" priority 0; policy accept;\n${drop(side)};\n}`;
  const rules = `table netdev ${nftTable} {\n${chain("ingress", "saddr")}\n${chain("egress", "daddr")}\n}\n`;
  await runInNetwork(host, ["nft", "-f", "-"], rules);
}

/** Stops dropping the host's packets. */
export async function restorePackets(host: string): Promise<void> {
  await runInNetwork(host, ["nft", "delete", "table", "netdev", nftTable]);
}

async function runInNetwork(host: string, command: readonly string[], input = ""): Promise<void> {
  const pid = await readHostPid(host);
  await execa("nsenter", ["-t", String(pid), "-n", ...command], {
    input,
    timeout: commandTimeoutSeconds * 1000,
  });
}

/** Shuts the host down cleanly and starts it again. */
export async function restartHost(host: string): Promise<void> {
  await podman("restart", "--time", "20", host);
}
