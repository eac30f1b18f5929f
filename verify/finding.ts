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

/**
 * Runs one check. A subject that cannot be asked is a finding like any other, so that one dead host leaves the other
 * checks their say.
 * @param rerun what to run again when the subject cannot be asked
 */
export async function look(
  check: string,
  subject: string,
  rerun: readonly string[],
  judge: () => Promise<Verdict>,
): Promise<Finding> {
  try {
    return { check, subject, ...(await judge()) };
  } catch (error) {
    const resources = error instanceof Refusal ? error.rerun : rerun;
    return { check, subject, ...broken(because(error), ...resources) };
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
