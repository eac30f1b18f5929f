/** What can be done to lab hosts from outside, without their help: they are containers of this computer. */
import { execa } from "execa";

/** The environment in which podman knows the lab's containers; see templates/lab/podman. */
export const podmanEnv = { CONTAINERS_CONF: "/var/lib/rabbitmq-ha-lab/containers.conf" } as const;
/** Seconds that one command may take. */
const patience = 60;
/** Seconds that the removal of a whole lab may take. */
const sweepPatience = 300;

export async function podman(...args: readonly string[]): Promise<string> {
  const { stdout } = await execa("podman", args, { env: podmanEnv, timeout: patience * 1000 });
  return stdout;
}

/** Runs a script in bash on a host. @returns what it printed */
export async function on(host: string, script: string, seconds = patience): Promise<string> {
  const { stdout } = await execa("podman", ["exec", "-i", host, "bash", "-s"], {
    env: podmanEnv,
    input: script,
    timeout: seconds * 1000,
  });
  return stdout;
}

/** Takes a host's power away. Unless its packets have been stopped before, its peers see FIN and RST. */
export async function powerOff(host: string): Promise<void> {
  await podman("kill", host);
}

export async function powerOn(host: string): Promise<void> {
  await podman("start", host);
}

/** What a lab has on this machine. */
export interface Remains {
  readonly hosts: readonly string[];
  /** The podman network. */
  readonly network: string;
  /** The third number of its network, 192.168.x.0/24. */
  readonly net: number;
}

/** Removes a lab by force, as after a killed run. What is not there is no error. @throws when a host stays */
export async function sweep({ hosts, network, net }: Remains): Promise<void> {
  const how = { env: podmanEnv, timeout: sweepPatience * 1000 } as const;
  try {
    if (hosts.length > 0) await execa("podman", ["rm", "-f", "-t", "0", "--ignore", ...hosts], how);
  } finally {
    await execa("podman", ["network", "rm", "-f", network], { ...how, reject: false });
    const route = ["route", "del", "unreachable", `192.168.${net}.0/24`];
    await execa("ip", route, { ...how, reject: false });
  }
}
