/** Selects the tests of a command: the given files, else all of the command's own. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { closest, distance } from "fastest-levenshtein";
import { UserError } from "../user-error.ts";

const root = dirname(import.meta.dirname);

/** The folders of tests that need no hosts. */
export const checkFolders = ["unit", "graph", "engine"] as const;
/** The folders of tests that need hosts: each file has a lab of its own. */
const hostFolders = ["e2e", "platforms", "operations"] as const;

/** The flags of `node --test` whose value may be the next argument; that argument is not a test file. */
const flagsWithValue = [
  ...["test-name-pattern", "test-skip-pattern", "test-timeout", "test-concurrency", "test-isolation"],
  ...["test-reporter", "test-reporter-destination", "test-shard", "test-rerun-failures", "import", "require"],
];

/** What must be installed on this computer before tests can run: a lab's tools, or those of `npm run check`, and others. */
export type TestNeed = "lab" | "checks" | "browser" | "python";

/** The modules whose use by a test file makes it need more. */
const modulesWithNeeds = { "/support/browser.ts": "browser", "/toolchain/python.ts": "python" } as const;

/** @returns a question: whether a test file itself imports a module */
function importsOf(file: string): (module: string) => boolean {
  const text = readFileSync(join(root, file), "utf8");
  return (module) => text.includes(`${module}"`);
}

/** @returns what a test file needs */
export function needsOf(file: string): TestNeed[] {
  const imports = importsOf(file);
  const further = Object.entries(modulesWithNeeds).filter(([module]) => imports(module));
  return [needsHosts(file) ? "lab" : "checks", ...further.map(([, need]) => need)];
}

/** The modules that measure for how long clients are without service. Another lab beside it would be measured too. */
const measuringModules = [
  ...["/chaos/load.ts", "/chaos/address-watch.ts", "/chaos/trial.ts"],
  ...["/support/traffic.ts", "/support/connection-monitor.ts", "/support/login-client.ts"],
  ...["/support/short-chaos.ts", "/support/operations-by-version.ts"],
  ...["/support/migration-by-version.ts", "/support/migration-run.ts"],
];

/** @returns whether a file's tests on hosts must run alone, since they measure */
export function runsAlone(file: string): boolean {
  return measuringModules.some(importsOf(file));
}

export interface TestSelection {
  /** The files to run, such as `tests/e2e/killed.test.ts`; empty for all. */
  readonly files: readonly string[];
  /** The flags of `node --test`, in their order. */
  readonly flags: readonly string[];
}

/** @returns whether a file's tests need hosts */
export function needsHosts(file: string): boolean {
  return hostFolders.some((folder) => file.startsWith(`tests/${folder}/`));
}

/** @returns the test files of a folder, sorted */
export function listTestFiles(folder: string): string[] {
  const names = readdirSync(join(root, "tests", folder), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".test.ts"))
    .sort()
    .map((name) => `tests/${folder}/${name}`);
}

/**
 * Separates test files from flags.
 * @param hasHosts whether the command provides hosts
 * @throws UserError with a line for each file that cannot be run and what to write instead
 */
export function selectTests(args: readonly string[], hasHosts: boolean): TestSelection {
  const options = Object.fromEntries(flagsWithValue.map((name) => [name, { type: "string" } as const]));
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const fileIndexes = new Set(tokens.flatMap(({ kind, index }) => (kind === "positional" ? [index] : [])));
  const all = [...checkFolders, ...hostFolders].flatMap(listTestFiles);
  const files = args.filter((_, index) => fileIndexes.has(index)).map(relativeToRoot);
  const faults = files.map((file) => fileFault(file, all, hasHosts)).filter((line) => line !== undefined);
  if (faults.length > 0) throw new UserError(faults.join("\n"));
  return { files, flags: args.filter((_, index) => !fileIndexes.has(index)) };
}

function relativeToRoot(path: string): string {
  return relative(root, resolve(root, path));
}

/** @returns what is wrong with a file's name, and what to write instead; undefined if it can be run */
function fileFault(file: string, all: readonly string[], hosts: boolean): string | undefined {
  if (all.includes(file)) {
    if (hosts || !needsHosts(file)) return undefined;
    return `${file} needs lab hosts, which npm run check does not have; write npm test -- ${file}`;
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
