/** What a check says about one subject. */
import { because } from "./cause.ts";

/** That brokers wait for others that are not there. */
export interface Standstill {
  /** Who waits, and for whom. */
  readonly waiting: readonly { readonly name: string; readonly beside: readonly string[] }[];
  /** Those that are waited for and have no data, or whose host cannot be asked. */
  readonly gone: readonly string[];
  /** Those that are waited for, have their data, and do not even wait. */
  readonly idle: readonly { readonly name: string; readonly active: string }[];
  /** Of those that wait the one that stopped last; absent while there are idle ones. */
  readonly last?: string;
}

export interface Verdict {
  readonly whole: boolean;
  /** What was found, and where it is not whole what was expected. */
  readonly detail: string;
  /**
   * The stack's resources that would have to be run again to mend it, each the last one of what it stands on: of a
   * service, not its files. None where no resource could.
   */
  readonly rerun: readonly string[];
  /** What a person has to do where no resource mends it. */
  readonly advice?: string;
  /** The hosts that cannot be logged in to, so that nothing can be run again there. */
  readonly unreachable?: readonly string[];
  /** That brokers wait for others that are not there; starting them again is of no use. */
  readonly standstill?: Standstill;
}

export interface Finding extends Verdict {
  readonly check: string;
  /** The host that it is about, or what else it is about. */
  readonly subject: string;
}

export function whole(detail: string): Verdict {
  return { whole: true, detail, rerun: [] };
}

export function broken(detail: string, ...rerun: readonly string[]): Verdict {
  return { whole: false, detail, rerun: [...new Set(rerun)] };
}

/** What no resource mends. @param advice what a person has to do, as the end of a sentence */
export function unmendable(detail: string, advice: string): Verdict {
  return { ...broken(detail), advice };
}

/** @returns that a host cannot be logged in to */
export function unreachable(host: string, detail: string): Verdict {
  return { ...broken(detail), unreachable: [host] };
}

/** @returns one verdict from a list of complaints, which is empty where all is well */
export function verdict(complaints: readonly Verdict[], detail: string): Verdict {
  if (complaints.length === 0) return whole(detail);
  const advice = new Set(complaints.flatMap((complaint) => complaint.advice ?? []));
  const hosts = new Set(complaints.flatMap((complaint) => complaint.unreachable ?? []));
  const [standstill] = complaints.flatMap((complaint) => complaint.standstill ?? []);
  return {
    ...broken(
      complaints.map((complaint) => complaint.detail).join("; "),
      ...complaints.flatMap(({ rerun }) => rerun),
    ),
    ...(advice.size === 0 ? {} : { advice: [...advice].join("; ") }),
    ...(hosts.size === 0 ? {} : { unreachable: [...hosts] }),
    ...(standstill === undefined ? {} : { standstill }),
  };
}

/** What to make of a check that could not be done: the resources to run again, or a verdict of its own. */
export type Blame = readonly string[] | Judgement;
export type Judgement = (error: unknown) => Promise<Verdict>;

/**
 * Runs one check. A subject that cannot be asked is a finding like any other, so that one dead host leaves the other
 * checks their say.
 */
export async function look(
  check: string,
  subject: string,
  blame: Blame,
  judge: () => Promise<Verdict>,
): Promise<Finding> {
  try {
    return { check, subject, ...(await judge()) };
  } catch (thrown) {
    // Where several were asked and all failed, the first one speaks.
    const error: unknown = thrown instanceof AggregateError ? thrown.errors[0] : thrown;
    if (error instanceof Refusal) return { check, subject, ...error.verdict };
    const judged = typeof blame === "function" ? await blame(error) : broken(because(error), ...blame);
    return { check, subject, ...judged };
  }
}

/** An answer that says no, with what would have to be run again, or to be done, for a yes. */
export class Refusal extends Error {
  readonly rerun: readonly string[];
  /** What a person has to do where no resource mends it. */
  advice?: string;

  constructor(message: string, ...rerun: readonly string[]) {
    super(message);
    this.rerun = rerun;
  }

  get verdict(): Verdict {
    if (this.advice !== undefined) return unmendable(this.message, this.advice);
    return broken(this.message, ...this.rerun);
  }
}
