/** Replaces the precheck of existing machines and the check of this computer's tools. */
import type { PrecheckedMachine } from "../../platforms/existing/existing.ts";
import type { PrecheckArgs } from "../../platforms/existing/precheck/precheck.ts";

/** Pins each host's key. A stated interface is in the network 10.7.0.0/25, with the last number of the machine's own address. */
export async function precheck({
  machines,
  interface: device,
}: PrecheckArgs): Promise<ReadonlyMap<string, PrecheckedMachine>> {
  const found = { interface: "ens18", prefixLength: 23 };
  for (const { login } of machines) {
    for (const host of [login, ...(login.proxy === undefined ? [] : [login.proxy])]) {
      if (host.hostKey === undefined) await host.pinHostKey?.(host.host, `ssh-ed25519 key-of-${host.host}`);
    }
  }
  return new Map(
    machines.map(({ name, address, role }) => {
      const vrrp =
        role === "balancer" && device !== undefined
          ? {
              vrrp: {
                interface: device,
                address: `10.7.0.${address.split(".")[3] ?? ""}`,
                prefixLength: 25,
              },
            }
          : {};
      return [name, { ...found, identity: `id-of-${name}`, ...vrrp }];
    }),
  );
}

export function checkLabTools(): void {
  // Tests create no lab, so no tool is needed.
}
