/** How long nobody is served when a balancer, or its HAProxy, fails. */
import { on, powerOff, powerOn } from "../labs/hosts.ts";
import type { Figures } from "./figures.ts";
import { Probe } from "./probe.ts";
import { virtualAddress, whole, type Site } from "./site.ts";
import type { Lab } from "./tool.ts";

interface Fault {
  readonly what: string;
  readonly strike: (holder: string) => Promise<unknown>;
  /** What a person, or the machine's own return, would do; the system has to become whole by itself after it. */
  readonly mend: (holder: string) => Promise<unknown>;
}

const faults: readonly Fault[] = [
  {
    what: "holder powered off",
    // A container that is killed still says goodbye to its connections; a machine without power does not.
    strike: async (holder) => {
      await on(holder, "ip link set eth0 down");
      await powerOff(holder);
    },
    mend: async (holder) => powerOn(holder),
  },
  {
    what: "HAProxy killed",
    strike: async (holder) => on(holder, "pkill -KILL -x haproxy"),
    mend: () => Promise.resolve(),
  },
  {
    what: "HAProxy stopped",
    strike: async (holder) => on(holder, "systemctl stop haproxy"),
    mend: async (holder) => on(holder, "systemctl start haproxy"),
  },
  {
    what: "HAProxy hung",
    strike: async (holder) => on(holder, "pkill -STOP -x haproxy"),
    mend: async (holder) => on(holder, "pkill -CONT -x haproxy || true"),
  },
];

/** Milliseconds: service counts as back when it has been there this long, but not before `least` after the fault. */
const steady = 3000;
const least = 6000;
/** Seconds that the system has to become whole again. */
const recovery = 180;

interface Gaps {
  /** Seconds without service, from the fault on. */
  readonly fault: number;
  /** The same, from the moment when what had failed came back. */
  readonly back: number;
}

export interface FailoverArgs {
  readonly lab: Lab;
  /** Of each fault. */
  readonly trials: number;
  readonly figures: Figures;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Every fault in turn, and that many times. */
export async function failover({ lab, trials, figures, signal, say }: FailoverArgs): Promise<void> {
  const key = { part: "failover", who: "new connections", unit: "s" } as const;
  for (let number = 1; number <= trials; number++) {
    for (const fault of faults) {
      const { what } = fault;
      try {
        const gaps = await trial(lab.site, fault, signal);
        figures.add({ ...key, what }, gaps.fault);
        figures.add({ ...key, what: `${what}: and back` }, gaps.back);
        const seconds = `${gaps.fault.toFixed(2)} s, and back ${gaps.back.toFixed(2)} s`;
        say(`trial ${number} of ${trials}, ${what}: ${seconds}`);
      } catch (error) {
        signal.throwIfAborted();
        figures.fail({ ...key, what }, error);
        say(`trial ${number} of ${trials}, ${what}: FAILED: ${String(error)}`);
      }
    }
  }
}

/** Strikes the address's holder once, and waits until the system is whole again. */
async function trial(at: Site, fault: Fault, signal: AbortSignal): Promise<Gaps> {
  await whole(at, recovery);
  await pause(2000);
  const holder = await holderOf(at);
  const probe = new Probe(virtualAddress(at));
  try {
    await pause(1000);
    const struck = performance.now();
    await fault.strike(holder);
    while (performance.now() < struck + least || !probe.steady(steady)) {
      signal.throwIfAborted();
      if (performance.now() > struck + 60_000) throw new Error(`${fault.what}: no service after 60 s`);
      await pause(50);
    }
    const gap = probe.longest(struck);
    const mended = performance.now();
    await fault.mend(holder);
    await whole(at, recovery);
    await pause(2000);
    return { fault: gap, back: probe.longest(mended) };
  } finally {
    probe.stop();
  }
}

async function holderOf(at: Site): Promise<string> {
  for (const balancer of at.balancers) {
    const addresses = await on(balancer, "ip -o -4 addr");
    if (addresses.includes(` ${virtualAddress(at)}/`)) return balancer;
  }
  throw new Error("nobody holds the virtual address");
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
