/** What a check says about one subject. */
import { because } from "./cause.ts";

export interface Verdict {
  readonly whole: boolean;
  /** What was found, and where it is not whole what was expected. */
  readonly detail: string;
  /** The stack's resources that would have to be run again to mend it; none where no resource could. */
  readonly rerun: readonly string[];
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

/** @returns one verdict from a list of complaints, which is empty where all is well */
export function verdict(complaints: readonly Verdict[], detail: string): Verdict {
  if (complaints.length === 0) return whole(detail);
  return broken(
    complaints.map((complaint) => complaint.detail).join("; "),
    ...complaints.flatMap(({ rerun }) => rerun),
  );
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
    if (error instanceof Refusal) return { check, subject, ...broken(error.message, ...error.rerun) };
    const judged = typeof blame === "function" ? await blame(error) : broken(because(error), ...blame);
    return { check, subject, ...judged };
  }
}

/** An answer that says no, with what would have to be run again for a yes. */
export class Refusal extends Error {
  readonly rerun: readonly string[];

  constructor(message: string, ...rerun: readonly string[]) {
    super(message);
    this.rerun = rerun;
  }
}
