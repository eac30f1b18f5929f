/**
 * What can happen to a lab host, done from outside: its processes get signals, its packets stop, its power goes. The
 * host is a container of this computer, so its processes and its network are within reach without any of its help.
 */
import { readdir, readFile, readlink } from "node:fs/promises";
import { execa } from "execa";
import { on as onHost, podman } from "../labs/hosts.ts";

/** Seconds that one command on a host may take. */
const patience = 60;
/** The table of nftables, in the host's own network; it goes with the network when the host's power goes. */
const table = "chaos";

/** @returns the number, on this computer, of the host's first process; 0 while its power is off */
export async function firstProcess(host: string): Promise<number> {
  return Number(await podman("inspect", "--format", "{{.State.Pid}}", host));
}

/** @returns the numbers, on this computer, of the host's processes of this name */
export async function processes(host: string, command: string): Promise<number[]> {
  const space = (pid: string): Promise<string> => readlink(`/proc/${pid}/ns/pid`).catch(() => "");
  const own = await space(String(await firstProcess(host)));
  const numbers = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    numbers.map(async (pid) => {
      const comm = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
      return comm.trim() === command && (await space(pid)) === own ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

/** Sends a signal to each of the processes. Those that have ended meanwhile are no error. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}

/** Runs a script in bash on the host, until its first command that fails. @returns what it printed */
export async function on(host: string, script: string, seconds?: number): Promise<string> {
  return onHost(host, `set -e\n${script}`, seconds);
}

/**
 * Makes the host's packets stop, in both directions and without a word to either side: no RST, no error, no lost
 * carrier, as behind a switch that has died. @param peers addresses to and from which they stop @default all
 */
export async function silence(host: string, peers?: readonly string[]): Promise<void> {
  const drop = (side: string): string =>
    peers === undefined ? "drop" : `ip ${side} { ${peers.join(", ")} } drop`;
  const chain = (hook: string, side: string): string =>
    `chain ${hook} {\ntype filter hook ${hook} device "eth0" priority 0; policy accept;\n${drop(side)};\n}`;
  const rules = `table netdev ${table} {\n${chain("ingress", "saddr")}\n${chain("egress", "daddr")}\n}\n`;
  await inNetwork(host, ["nft", "-f", "-"], rules);
}

/** Lets the host's packets pass again. */
export async function heal(host: string): Promise<void> {
  await inNetwork(host, ["nft", "delete", "table", "netdev", table]);
}

async function inNetwork(host: string, command: readonly string[], input = ""): Promise<void> {
  const pid = await firstProcess(host);
  await execa("nsenter", ["-t", String(pid), "-n", ...command], { input, timeout: patience * 1000 });
}

/** Shuts the host down in order, and starts it again. */
export async function restart(host: string): Promise<void> {
  await podman("restart", "--time", "20", host);
}
