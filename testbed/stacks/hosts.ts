/** Acts on lab hosts from outside, without their help: they are containers on this computer. */
import { execa } from "execa";
import { podmanEnv } from "../../hosts/lab-podman.ts";
import { pollUntil } from "../../verify/polling.ts";

/** Seconds that one command may take. */
const commandTimeoutSeconds = 60;
/** Seconds that the removal of a whole lab may take. */
const removalTimeoutSeconds = 300;

export async function podman(...args: readonly string[]): Promise<string> {
  const { stdout } = await execa("podman", args, { env: podmanEnv, timeout: commandTimeoutSeconds * 1000 });
  return stdout;
}

/** Runs a script in bash on a host. @returns its standard output */
export async function runOn(
  host: string,
  script: string,
  timeoutSeconds = commandTimeoutSeconds,
): Promise<string> {
  const { stdout } = await execa("podman", ["exec", "-i", host, "bash", "-s"], {
    env: podmanEnv,
    input: script,
    timeout: timeoutSeconds * 1000,
  });
  return stdout;
}

/** Takes a host's power away. Its peers see FIN and RST, unless its packets are dropped before. */
export async function powerOff(host: string): Promise<void> {
  await podman("kill", host);
}

export async function powerOn(host: string): Promise<void> {
  await podman("start", host);
}

/** The resources of a lab on this computer. */
export interface LabResources {
  readonly hosts: readonly string[];
  /** The podman network. */
  readonly network: string;
  /** The third number of its subnet, 192.168.x.0/24. */
  readonly net: number;
}

/** Removes a lab by force, as after a killed run. Missing resources are no error. @throws when a host is not removed */
export async function removeLab({ hosts, network, net }: LabResources): Promise<void> {
  const how = { env: podmanEnv, timeout: removalTimeoutSeconds * 1000 } as const;
  try {
    if (hosts.length > 0) {
      // Removing can fail under load.
      const { failed, message } = await pollUntil(
        { timeoutSeconds: 60, intervalMs: 500 },
        () => execa("podman", ["rm", "-f", "-t", "0", "--ignore", ...hosts], { ...how, reject: false }),
        (last) => !last.failed,
      );
      if (failed) throw new Error(message);
    }
  } finally {
    await execa("podman", ["network", "rm", "-f", network], { ...how, reject: false });
    const route = ["route", "del", "unreachable", `192.168.${net}.0/24`];
    await execa("ip", route, { ...how, reject: false });
  }
}
