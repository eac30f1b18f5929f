/** Which tests a command runs: those of the files that it is given, else all of its own. */
import { readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { closest, distance } from "fastest-levenshtein";
import { UserError } from "../user-error.ts";

const root = dirname(import.meta.dirname);

/** The folders of tests that need no hosts. */
export const checkFolders = ["unit", "graph", "engine"] as const;
/** The folders of tests on hosts: each file has a lab of its own. */
const hostFolders = ["e2e", "platforms", "operations"] as const;

/** The flags of `node --test` whose value may be the next argument, which is no file then. */
const flagsWithValue = [
  ...["test-name-pattern", "test-skip-pattern", "test-timeout", "test-concurrency", "test-isolation"],
  ...["test-reporter", "test-reporter-destination", "test-shard", "test-rerun-failures", "import", "require"],
];

export interface Wanted {
  /** The files to run, such as `tests/e2e/killed.test.ts`; none where all are wanted. */
  readonly files: readonly string[];
  /** The flags of `node --test`, in their order. */
  readonly flags: readonly string[];
}

/** @returns whether a file's tests need hosts */
export function needsHosts(file: string): boolean {
  return hostFolders.some((folder) => file.startsWith(`tests/${folder}/`));
}

/** @returns the files of a folder's tests, in their order */
export function testFiles(folder: string): string[] {
  const names = readdirSync(join(root, "tests", folder), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".test.ts"))
    .sort()
    .map((name) => `tests/${folder}/${name}`);
}

/**
 * Tells files and flags apart.
 * @param hosts whether the command has hosts for tests
 * @throws UserError with a line for each file that cannot be run, which says what to write instead
 */
export function wantedTests(args: readonly string[], hosts: boolean): Wanted {
  const options = Object.fromEntries(flagsWithValue.map((name) => [name, { type: "string" } as const]));
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const places = new Set(tokens.flatMap(({ kind, index }) => (kind === "positional" ? [index] : [])));
  const all = [...checkFolders, ...hostFolders].flatMap(testFiles);
  const files = args.filter((_, index) => places.has(index)).map(fromRoot);
  const faults = files.map((file) => fault(file, all, hosts)).filter((line) => line !== undefined);
  if (faults.length > 0) throw new UserError(faults.join("\n"));
  return { files, flags: args.filter((_, index) => !places.has(index)) };
}

function fromRoot(path: string): string {
  return relative(root, resolve(root, path));
}

/** @returns what is wrong with a file's name, and what to write instead */
function fault(file: string, all: readonly string[], hosts: boolean): string | undefined {
  if (all.includes(file)) {
    if (hosts || !needsHosts(file)) return undefined;
    return `${file} needs lab hosts, and npm run check has none; write npm test -- ${file}`;
  }
  if (all.some((each) => each.startsWith(`${file}/`))) {
    return `${file} is a folder; write its files, such as ${file}/*.test.ts`;
  }
  const near = closest(file, all);
  if (distance(file, near) <= file.length / 3) return `there is no ${file}; did you mean ${near}?`;
  const ends = all.find((each) => each.endsWith(`/${file}`) || each.endsWith(`/${file}.test.ts`));
  const instead = ends ?? "one of tests/*/*.test.ts, such as tests/e2e/killed.test.ts";
  return `there is no ${file}; write ${instead}`;
}
