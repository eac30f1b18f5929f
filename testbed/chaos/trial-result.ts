/** The result of one trial. */
import { queueKinds, type QueueKind } from "./load.ts";

/** The messages on one kind of queue; times in milliseconds. */
export interface TrafficFigures {
  readonly confirmed: number;
  /** Confirmed, and never received. */
  readonly lost: number;
  readonly duplicates: number;
  /** Returned by a broker because no queue took them, and published again. */
  readonly returned: number;
  /** The longest time, from the fault to the end, in which a publisher got no confirm. */
  readonly longestGap: number;
  /** The same for all of the kind's publishers together. */
  readonly longestSilence: number;
  /** The sum of the worst publisher's gaps of a second or more, between fault and healing. */
  readonly stoodStill: number;
  /** The longest gap after healing. */
  readonly gapAfterHealing: number;
}

/** Times in milliseconds; undefined where the event did not happen. */
export interface TrialFigures {
  /** A kind that the system does not replicate is left out. */
  readonly traffic: Readonly<Partial<Record<QueueKind, TrafficFigures>>>;
  /** Which confirmed messages were not received, a line for each queue; undefined when all were. */
  readonly missing?: readonly string[] | undefined;
  /** From the fault until exactly one reachable host held the virtual address. */
  readonly oneHolder: number | undefined;
  /** How long, between fault and healing, no broker answered new clients through the virtual address. */
  readonly unserved: number | undefined;
  /** From healing until exactly one host held the address. */
  readonly oneHolderAfter: number | undefined;
  /** The largest number of hosts that held the address at the same time, from the fault to the end. */
  readonly mostHolders: number;
  /** From the end of healing (without healing: from the fault) until every check passed. */
  readonly whole: number | undefined;
  /** The checks of `verify` that failed during the fault. */
  readonly noticed: readonly string[];
  /** The problems that were left at the end. */
  readonly complaints: readonly string[];
  /** The result of the next `npm run up`; undefined where it was not run. */
  readonly nextUp: UpResult | undefined;
}

/** @returns the messages of each kind of queues that the trial had */
export function trafficOf({ traffic }: TrialFigures): (readonly [QueueKind, TrafficFigures])[] {
  return queueKinds.flatMap((kind) => {
    const found = traffic[kind];
    return found === undefined ? [] : [[kind, found] as const];
  });
}

export interface UpResult {
  readonly code: number;
  /** Such as `61 unchanged`. */
  readonly summary: string;
}

export interface TrialResult {
  readonly fault: string;
  readonly what: string;
  /** The day, such as 2026-11-24. */
  readonly date: string;
  /** The commit of the program; a `+` says that it was changed. */
  readonly commit?: string | undefined;
  /** Undefined when the trial itself failed. */
  readonly figures: TrialFigures | undefined;
  /** The missed goals, each with the measured value. */
  readonly missed: readonly string[];
  /** The last lines of the hosts' logs, when a goal was missed. */
  readonly logs: string;
}

/** What was measured with one version and one kind of queues, with TLS or without. */
export interface ChaosRun {
  /** The version of RabbitMQ, such as 3.10.8. */
  readonly rabbitmq: string;
  readonly queues: "mirrored" | "quorum";
  /** Whether clients, and the brokers among themselves, spoke TLS alone. @default false */
  readonly tls?: boolean | undefined;
  /** The environment, a line each. */
  readonly notes: readonly string[];
  /** In the order of the faults. */
  readonly rows: readonly TrialResult[];
}
