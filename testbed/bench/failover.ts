/** Measures how long clients are not served when a balancer, or its HAProxy, fails. */
import { runOn, powerOff, powerOn } from "../stacks/hosts.ts";
import type { Figures } from "./figures.ts";
import { ServiceProbe } from "./probe.ts";
import { virtualAddressOf, waitUntilHealthy, type Site } from "./site.ts";
import type { Lab } from "./tool.ts";

interface BalancerFault {
  readonly what: string;
  readonly inject: (holder: string) => Promise<unknown>;
  /** What an operator, or the return of power, would do; then the system has to become healthy by itself. */
  readonly heal: (holder: string) => Promise<unknown>;
}

const faults: readonly BalancerFault[] = [
  {
    what: "holder powered off",
    // A killed container still sends FIN or RST to its peers; a host without power does not.
    inject: async (holder) => {
      await runOn(holder, "ip link set eth0 down");
      await powerOff(holder);
    },
    heal: async (holder) => powerOn(holder),
  },
  {
    what: "HAProxy killed",
    inject: async (holder) => runOn(holder, "pkill -KILL -x haproxy"),
    heal: () => Promise.resolve(),
  },
  {
    what: "HAProxy stopped",
    inject: async (holder) => runOn(holder, "systemctl stop haproxy"),
    heal: async (holder) => runOn(holder, "systemctl start haproxy"),
  },
  {
    what: "HAProxy hung",
    inject: async (holder) => runOn(holder, "pkill -STOP -x haproxy"),
    heal: async (holder) => runOn(holder, "pkill -CONT -x haproxy || true"),
  },
];

/** Milliseconds: service counts as restored after this long, but not before `minWaitMs` after the fault. */
const steadyMs = 3000;
const minWaitMs = 6000;
/** Seconds in which the system has to become healthy again. */
const recoveryTimeoutSeconds = 180;

interface OutageSeconds {
  /** Seconds without service after the fault. */
  readonly afterFault: number;
  /** Seconds without service after healing. */
  readonly afterHealing: number;
}

export interface FailoverArgs {
  readonly lab: Lab;
  /** Number of trials of each fault. */
  readonly trials: number;
  readonly figures: Figures;
  readonly signal: AbortSignal;
  readonly logProgress: (line: string) => void;
}

/** Runs the trials of all faults, each fault once per turn. */
export async function measureFailover({
  lab,
  trials,
  figures,
  signal,
  logProgress,
}: FailoverArgs): Promise<void> {
  const key = { part: "failover", who: "new connections", unit: "s" } as const;
  for (let number = 1; number <= trials; number++) {
    for (const fault of faults) {
      const { what } = fault;
      try {
        const gaps = await runTrial(lab.site, fault, signal);
        figures.add({ ...key, what }, gaps.afterFault);
        figures.add({ ...key, what: `${what}: and back` }, gaps.afterHealing);
        const seconds = `${gaps.afterFault.toFixed(2)} s, and back ${gaps.afterHealing.toFixed(2)} s`;
        logProgress(`trial ${number} of ${trials}, ${what}: ${seconds}`);
      } catch (error) {
        signal.throwIfAborted();
        figures.fail({ ...key, what }, error);
        logProgress(`trial ${number} of ${trials}, ${what}: FAILED: ${String(error)}`);
      }
    }
  }
}

/** Injects one fault at the address's holder, and waits until the system is healthy again. */
async function runTrial(at: Site, fault: BalancerFault, signal: AbortSignal): Promise<OutageSeconds> {
  await waitUntilHealthy(at, recoveryTimeoutSeconds);
  await pause(2000);
  const holder = await findHolder(at);
  const probe = new ServiceProbe(virtualAddressOf(at));
  try {
    await pause(1000);
    const faultAt = performance.now();
    await fault.inject(holder);
    while (performance.now() < faultAt + minWaitMs || !probe.isSteady(steadyMs)) {
      signal.throwIfAborted();
      if (performance.now() > faultAt + 60_000) throw new Error(`${fault.what}: no service after 60 s`);
      await pause(50);
    }
    const gap = probe.longestGapSeconds(faultAt);
    const healedAt = performance.now();
    await fault.heal(holder);
    await waitUntilHealthy(at, recoveryTimeoutSeconds);
    await pause(2000);
    return { afterFault: gap, afterHealing: probe.longestGapSeconds(healedAt) };
  } finally {
    probe.stop();
  }
}

async function findHolder(at: Site): Promise<string> {
  for (const balancer of at.balancers) {
    const addresses = await runOn(balancer, "ip -o -4 addr");
    if (addresses.includes(` ${virtualAddressOf(at)}/`)) return balancer;
  }
  throw new Error("no balancer holds the virtual address");
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
