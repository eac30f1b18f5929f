/** Whether the balancers reach each other on the virtual address's interface: apart, each would hold the address. */
import { SshError } from "../../../remote/ssh.ts";
import { render } from "../../../templates/render.ts";
import type { ProbedHost } from "./faults.ts";
import { runWithPinnedKey } from "../pinned-host-keys.ts";
import { probeFailureLines } from "./probe-failures.ts";
import { machineLabel, type IntendedSetup } from "./probe-target.ts";
import { parseLines } from "./probe.ts";
import { vrrpAddress } from "./vrrp-address.ts";

/** For the log-in and the kernel's three questions, one each second. */
const timeoutSeconds = 9;

interface Balancer {
  readonly probed: ProbedHost;
  readonly device: string;
  readonly address: string;
}

/** @returns the script that asks for the addresses on an interface */
export function renderNeighboursScript(device: string, addresses: readonly string[]): string {
  return render("existing/neighbours.sh", { device, addresses });
}

/**
 * Asked only for an interface that the configuration names: each balancer's address on it has just been found. On the
 * interface of the machines' own addresses they reach each other, or the machines are not one system.
 * @returns a line for each balancer and the others that do not answer it
 */
export async function neighbourFaults(probed: readonly ProbedHost[], plan: IntendedSetup): Promise<string[]> {
  if (plan.interface === undefined) return [];
  const balancers = probed
    .filter(({ machine }) => machine.role === "balancer")
    .flatMap((each): Balancer[] => {
      const inet = vrrpAddress(each, plan);
      return inet === undefined ? [] : [{ probed: each, ...inet }];
    });
  const found = await Promise.all(
    balancers.map((from) =>
      faultsOf(
        from,
        balancers.filter((other) => other !== from),
        plan.stack.name,
      ),
    ),
  );
  return found.flat();
}

async function faultsOf(from: Balancer, others: readonly Balancer[], stack: string): Promise<string[]> {
  const { probed, device } = from;
  const { machine } = probed;
  try {
    const input = renderNeighboursScript(
      device,
      others.map(({ address }) => address),
    );
    const all = parseLines(
      await runWithPinnedKey(machine.login, { command: "bash -s", input, timeoutSeconds }),
    );
    if (!all("asked").includes("yes")) throw new SshError("command", "the probe wrote nothing");
    return others
      .filter(({ address }) => all("silent").includes(address))
      .map(
        ({ probed: other, address }) =>
          `${machineLabel(machine)}: nobody answers on ${device} for ${address}, the address of ${other.machine.name} there, so both would ` +
          `hold the virtual address; put both interfaces into one network (VLAN, port group), or set another keepalived.interface`,
      );
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    return probeFailureLines({ machine, outcome: error }, stack);
  }
}
