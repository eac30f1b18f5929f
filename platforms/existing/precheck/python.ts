/** Python on a machine: the program there needs it, and its first step installs it where it is missing. */
import { joinNames } from "../../../config/faults.ts";

/** The oldest version of Python 3 that runs the program. */
const minMinorVersion = 6;

export interface PythonFacts {
  /** The version that `python3` is, such as 3.11; undefined if there is none that runs. */
  readonly version: string | undefined;
  /** Whether the machine's package lists, as they are, offer it; asked only where there is none. */
  readonly isOffered: boolean;
}

export function parsePython(all: (key: string) => readonly string[]): PythonFacts {
  return { version: all("python")[0], isOffered: all("python-offered").includes("yes") };
}

interface LabelledPython extends PythonFacts {
  readonly label: string;
}

/** The first step installs no other version beside one that is there. */
export function pythonFaults({ version }: PythonFacts): string[] {
  const [, major, minor] = /^(\d+)\.(\d+)$/.exec(version ?? "") ?? [];
  if (major === undefined || Number(major) > 3 || Number(minor) >= minMinorVersion) return [];
  return [
    `/usr/bin/python3 is Python ${version ?? ""}, and the program there needs 3.${minMinorVersion}; have python3 be a newer one, ` +
      "or remove it, so that up installs the system's own",
  ];
}

/** @returns which machines get python3 from their first step; undefined if none does */
export function pythonNotice(hosts: readonly LabelledPython[]): string | undefined {
  const without = hosts.filter(({ version, isOffered }) => version === undefined && isOffered);
  if (without.length === 0) return undefined;
  return `${joinNames(without.map(({ label }) => label))}: no python3 there; up installs it first, from the system's packages.`;
}

/** Old or empty lists prove nothing, since the first step reads them anew. */
export function pythonWarning(hosts: readonly LabelledPython[]): string | undefined {
  const without = hosts.filter(({ version, isOffered }) => version === undefined && !isOffered);
  if (without.length === 0) return undefined;
  return (
    `${joinNames(without.map(({ label }) => label))}: no python3 there, and the package lists there, as they are, do not offer it. ` +
    "up reads them anew, and ends with its first step there if they still do not: see that the package sources can be reached, " +
    "or install python3 yourself."
  );
}
