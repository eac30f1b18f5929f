/** `npm run check` and `npm test`: the checks and tests of the project's own code. */
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { ensurePythonTools } from "../toolchain/python.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { checkFolders, needsHosts, listTestFiles, runsAlone, selectTests } from "./test-files.ts";

const root = dirname(import.meta.dirname);
const tool = (...path: string[]): string => join(root, "node_modules", ...path);

/** How many test cases passed and failed. A step without test cases counts only if it fails. */
interface Tally {
  readonly passed: number;
  readonly failed: number;
}

interface Step {
  readonly what: string;
  /** The program that runs it. @default Node */
  readonly program?: string;
  readonly args: readonly string[];
  /** Whether its beginning and its whole output are printed also if it succeeds. */
  readonly printsAll?: boolean;
}

const nodeTest = (concurrency: number): string[] => [
  "--test",
  "--test-reporter=spec",
  `--test-concurrency=${String(concurrency)}`,
];

/** Aborted by Ctrl-C, which also ends what runs. */
const interrupt = new AbortController();
process.on("SIGINT", () => {
  interrupt.abort();
});

/** Yields items, each to one taker, until Ctrl-C: then nothing more begins. */
function* untilInterrupted<T>(items: readonly T[]): Generator<T> {
  for (const item of items) {
    if (interrupt.signal.aborted) return;
    yield item;
  }
}

/** How the checks and tests are run. */
const runOptions = (env: PulumiCli["env"]) =>
  ({ cwd: root, env, extendEnv: false, stdin: "ignore", reject: false, forceKillAfterDelay: false }) as const;

/** @returns the checks of the program on the hosts: tests, types, style, and that it runs on Python 3.6 */
async function agentSteps(): Promise<Step[]> {
  const { bin } = await ensurePythonTools("agent");
  const folders = ["agent", join("tests", "agent")];
  const style = ["--quiet", "--config", join("agent", "ruff.toml"), ...folders];
  return [
    {
      what: "tests of the program on the hosts",
      program: "python3",
      args: ["-m", "unittest", "discover", "-s", "tests/agent", "-t", "."],
    },
    {
      what: "types of the program on the hosts",
      program: join(bin, "mypy"),
      args: ["--config-file", join("agent", "mypy.ini"), "agent"],
    },
    { what: "lint of the program on the hosts", program: join(bin, "ruff"), args: ["check", ...style] },
    {
      what: "format of the program on the hosts",
      program: join(bin, "ruff"),
      args: ["format", "--check", ...style],
    },
    {
      what: "Python 3.6 for the program on the hosts",
      program: join(bin, "vermin"),
      args: ["--quiet", "--no-tips", "--target=3.6-", "--violations", "agent"],
    },
  ];
}

/** @returns the checks, the slowest first, so that the others run beside it */
async function checkSteps(flags: readonly string[]): Promise<Step[]> {
  const files = checkFolders.map((folder) => `tests/${folder}/**/*.test.ts`);
  return [
    { what: "lint", args: [tool("eslint", "bin", "eslint.js"), "--max-warnings=0", "."] },
    { what: "types", args: [tool("typescript", "bin", "tsc"), "--noEmit", "-p", root] },
    { what: "format", args: [tool("prettier", "bin", "prettier.cjs"), "--check", "--log-level=warn", "."] },
    {
      what: `tests (${checkFolders.join(", ")})`,
      args: [...nodeTest(availableParallelism()), ...flags, ...files],
    },
    ...(await agentSteps()),
  ];
}

/** @returns the counts at the end of the output of Node's spec reporter or Python's unittest */
function readTally(output: string, failed: boolean): Tally {
  const ran = /^Ran (\d+) tests? in /m.exec(output);
  if (ran !== null) {
    const unsuccessful = [...output.matchAll(/\b(?:failures|errors)=(\d+)/g)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    );
    return {
      passed: Math.max(0, Number(ran[1]) - unsuccessful),
      failed: unsuccessful === 0 && failed ? 1 : unsuccessful,
    };
  }
  const count = (name: string): number =>
    Number(new RegExp(`^ℹ ${name} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
  const failures = count("fail") + count("cancelled");
  return { passed: count("pass"), failed: failures === 0 && failed ? 1 : failures };
}

/** Runs a step and prints its result. Of a step that does not print all, the output only if it failed, of tests the failed ones. */
async function runStep(
  { what, args, program = process.execPath, printsAll = false }: Step,
  env: PulumiCli["env"],
): Promise<Tally> {
  const started = Date.now();
  if (printsAll) process.stdout.write(`begins: ${what}\n`);
  const { failed, all } = await execa(program, args, { ...runOptions(env), all: true });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${failed ? "failed" : "ok"}: ${what} (${seconds} s)\n`);
  if (printsAll) process.stdout.write(`${all}\n`);
  else if (failed) process.stdout.write(`${all.slice(Math.max(0, all.indexOf("✖ failing tests:")))}\n`);
  return readTally(all, failed);
}

/** Runs steps two at a time, in their order: each keeps one core busy. */
async function runSteps(steps: readonly Step[], env: PulumiCli["env"]): Promise<Tally[]> {
  const pending = untilInterrupted(steps);
  const results: Tally[] = [];
  const worker = async (): Promise<void> => {
    for (const step of pending) results.push(await runStep(step, env));
  };
  await Promise.all([worker(), worker()]);
  return results;
}

/** Runs test files with their output on this terminal. */
async function runInTerminal(
  files: readonly string[],
  flags: readonly string[],
  env: PulumiCli["env"],
): Promise<Tally> {
  const { failed, stdout } = await execa(process.execPath, [...nodeTest(1), ...flags, ...files], {
    ...runOptions(env),
    stdout: ["inherit", "pipe"],
    stderr: "inherit",
  });
  return readTally(stdout, failed);
}

/** Prints the totals as the last line. @returns the exit code: 130 when interrupted */
function printTotals(results: readonly Tally[]): number {
  const sum = (key: keyof Tally): number => results.reduce((total, result) => total + result[key], 0);
  process.stdout.write(`${String(sum("passed"))} passed, ${String(sum("failed"))} failed\n`);
  if (interrupt.signal.aborted) return 130;
  return sum("failed") === 0 ? 0 : 1;
}

/** Runs everything that needs no hosts. @param args test files to run alone, and flags of `node --test` */
export async function runChecks({ env }: PulumiCli, args: readonly string[]): Promise<number> {
  const { files, flags } = selectTests(args, false);
  return printTotals(
    await (files.length > 0 ? runFiles(files, flags, env) : runSteps(await checkSteps(flags), env)),
  );
}

/**
 * The end-to-end tests that take longest, of those that run two at a time: 230 to 330 s each. They come first, so that both
 * ends are reached at about the same time; and what fails in the main job, which is the first, fails elsewhere, too.
 */
const longestFirst = ["lifecycle", "ports", "killed", "repair"] as const;

/** Runs the checks, and the end-to-end tests if they pass; or the given files alone. */
export async function runTests({ env }: PulumiCli, args: readonly string[]): Promise<number> {
  const { files, flags } = selectTests(args, true);
  if (files.length > 0) return printTotals(await runFiles(files, flags, env));
  const results = await runSteps(await checkSteps(flags), env);
  if (results.some(({ failed }) => failed > 0)) return printTotals(results);
  const all = listTestFiles("e2e");
  const longest = longestFirst.map((name) => `tests/e2e/${name}.test.ts`);
  const ordered = [...longest, ...all.filter((file) => !longest.includes(file))];
  return printTotals([...results, ...(await runFiles(ordered, flags, env))]);
}

/** Runs the tests that take too long for `test`: further systems, and further ways to set them up. */
export async function runPlatformTests({ env }: PulumiCli, args: readonly string[]): Promise<number> {
  return runFolder("platforms", args, env);
}

/** Runs the tests that take too long for `test`: long operations on a whole cluster. */
export async function runOperationTests({ env }: PulumiCli, args: readonly string[]): Promise<number> {
  return runFolder("operations", args, env);
}

async function runFolder(name: string, args: readonly string[], env: PulumiCli["env"]): Promise<number> {
  const { files, flags } = selectTests(args, true);
  return printTotals(await runFiles(files.length > 0 ? files : listTestFiles(name), flags, env));
}

/**
 * Runs the files that need no hosts together, then the others. Each of those sets up a lab of its own; two at a time run
 * where nothing is measured.
 */
async function runFiles(
  files: readonly string[],
  flags: readonly string[],
  env: PulumiCli["env"],
): Promise<Tally[]> {
  const results: Tally[] = [];
  const [onHosts, hostless] = split(files, needsHosts);
  if (hostless.length > 0) results.push(await runInTerminal(hostless, flags, env));
  const [alone, besideOthers] = split(onHosts, (file) => onHosts.length === 1 || runsAlone(file));
  const steps = besideOthers.map((what) => ({
    what,
    args: [...nodeTest(1), ...flags, what],
    printsAll: true,
  }));
  results.push(...(await runSteps(steps, env)));
  for (const file of untilInterrupted(alone)) results.push(await runInTerminal([file], flags, env));
  return results;
}

/** @returns the files of which it is true, and the others, both in their order */
function split(files: readonly string[], isFirst: (file: string) => boolean): [string[], string[]] {
  return [files.filter(isFirst), files.filter((file) => !isFirst(file))];
}
