/** The result of a check on one subject. */
import { reasonOf } from "./cause.ts";

/** Brokers that do not start because each waits for others. */
export interface StartDeadlock {
  /** The waiting brokers, each with the brokers that it waits for. */
  readonly waiting: readonly { readonly name: string; readonly lastRunningPeers: readonly string[] }[];
  /** The awaited brokers that have no data, or whose host cannot be reached. */
  readonly gone: readonly string[];
  /** The awaited brokers that have their data but are not starting. */
  readonly notStarting: readonly { readonly name: string; readonly active: string }[];
  /** The waiting broker that stopped last, or has the newest tables; absent while an awaited broker is not starting. */
  readonly lastStopped?: string;
  /** With Khepri: how many of the cluster's members have to be there, and how many are. */
  readonly majority?: { readonly members: number; readonly needed: number; readonly present: number };
}

export interface Verdict {
  readonly ok: boolean;
  /** What was found; after a failed check also what was expected. */
  readonly detail: string;
  /**
   * The stack's resources that a repair has to re-run. Only the last one of a chain is named: a service, not its
   * files. Empty where no resource can repair it.
   */
  readonly resourcesToRerun: readonly string[];
  /** What the operator has to do where no resource can repair it. */
  readonly advice?: string;
  /** The hosts that refuse the SSH login or do not answer, so that nothing can be re-run there. */
  readonly unreachableHosts?: readonly string[];
  /** Present when brokers wait for each other; restarting them does not help. */
  readonly startDeadlock?: StartDeadlock;
}

export interface Finding extends Verdict {
  readonly check: string;
  /** The host, or whatever else was checked. */
  readonly subject: string;
}

/** @returns the check and its subject, by which findings of several examinations are compared */
export function nameOf({ check, subject }: Finding): string {
  return `${check} ${subject}`;
}

export function pass(detail: string): Verdict {
  return { ok: true, detail, resourcesToRerun: [] };
}

export function fail(detail: string, ...resourcesToRerun: readonly string[]): Verdict {
  return { ok: false, detail, resourcesToRerun: [...new Set(resourcesToRerun)] };
}

/** A failure that no resource can repair. @param advice what the operator has to do, as the end of a sentence */
export function needsOperator(detail: string, advice: string): Verdict {
  return { ...fail(detail), advice };
}

/** A host that cannot be logged in to. */
export function hostUnreachable(host: string, detail: string): Verdict {
  return { ...fail(detail), unreachableHosts: [host] };
}

/** @returns one verdict for all problems; the check has passed when there are none */
export function combineVerdicts(problems: readonly Verdict[], detail: string): Verdict {
  if (problems.length === 0) return pass(detail);
  const advice = new Set(problems.flatMap((problem) => problem.advice ?? []));
  const hosts = new Set(problems.flatMap((problem) => problem.unreachableHosts ?? []));
  const [deadlock] = problems.flatMap((problem) => problem.startDeadlock ?? []);
  return {
    ...fail(
      problems.map((problem) => problem.detail).join("; "),
      ...problems.flatMap(({ resourcesToRerun }) => resourcesToRerun),
    ),
    ...(advice.size === 0 ? {} : { advice: [...advice].join("; ") }),
    ...(hosts.size === 0 ? {} : { unreachableHosts: [...hosts] }),
    ...(deadlock === undefined ? {} : { startDeadlock: deadlock }),
  };
}

/** How to handle a check that could not be run: the resources to re-run, or a function that gives the verdict. */
export type FailureHandling = readonly string[] | FailureJudge;
export type FailureJudge = (error: unknown) => Promise<Verdict>;

/** Runs one check. An error in it becomes a finding, so that one dead host does not stop the other checks. */
export async function runCheck(
  check: string,
  subject: string,
  onFailure: FailureHandling,
  judge: () => Promise<Verdict>,
): Promise<Finding> {
  try {
    return { check, subject, ...(await judge()) };
  } catch (thrown) {
    // When several requests all fail, the first error is reported.
    const error: unknown = thrown instanceof AggregateError ? thrown.errors[0] : thrown;
    if (error instanceof RefusalError) return { check, subject, ...error.verdict };
    const judged =
      typeof onFailure === "function" ? await onFailure(error) : fail(reasonOf(error), ...onFailure);
    return { check, subject, ...judged };
  }
}

/** A refused request, with the resources to re-run or the advice that would make it succeed. */
export class RefusalError extends Error {
  readonly resourcesToRerun: readonly string[];
  /** What the operator has to do where no resource can repair it. */
  advice?: string;

  constructor(message: string, ...resourcesToRerun: readonly string[]) {
    super(message);
    this.resourcesToRerun = resourcesToRerun;
  }

  get verdict(): Verdict {
    if (this.advice !== undefined) return needsOperator(this.message, this.advice);
    return fail(this.message, ...this.resourcesToRerun);
  }
}
