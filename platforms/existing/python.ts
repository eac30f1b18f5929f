/** Python on a machine: the program there needs it, and its first step installs it where it is missing. */
import { joinNames } from "../../config/faults.ts";

/** The oldest version of Python 3 that runs the program. */
const minMinorVersion = 6;

/** @returns the version that `python3` is, such as 3.11; undefined if there is none that runs */
export function parsePython(all: (key: string) => readonly string[]): string | undefined {
  return all("python")[0];
}

/** The first step installs no other version beside one that is there. */
export function pythonFaults(version: string | undefined): string[] {
  const [, major, minor] = /^(\d+)\.(\d+)$/.exec(version ?? "") ?? [];
  if (major === undefined || Number(major) > 3 || Number(minor) >= minMinorVersion) return [];
  return [
    `python3 is Python ${version ?? ""}, and the program there needs 3.${minMinorVersion}; have python3 be a newer one, ` +
      "or remove it, so that up installs the system's own",
  ];
}

/** @returns which machines get python3 from their first step; undefined if none does */
export function pythonNotice(
  hosts: readonly { readonly label: string; readonly version: string | undefined }[],
): string | undefined {
  const without = hosts.filter(({ version }) => version === undefined);
  if (without.length === 0) return undefined;
  return `${joinNames(without.map(({ label }) => label))}: no python3 there; up installs it first, from the system's packages.`;
}
