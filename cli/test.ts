/** `npm run check` and `npm test`: what the project's own code has to pass. */
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { ensurePythonTools } from "../toolchain/python.ts";
import type { Pulumi } from "./pulumi.ts";
import { checkFolders, needsHosts, testFiles, wantedTests } from "./test-files.ts";

const root = dirname(import.meta.dirname);
const tool = (...path: string[]): string => join(root, "node_modules", ...path);

/** How many test cases passed and failed; a step that is no test counts only when it fails. */
interface Tally {
  readonly passed: number;
  readonly failed: number;
}

interface Step {
  readonly what: string;
  /** What runs it. @default Node */
  readonly program?: string;
  readonly args: readonly string[];
}

const nodeTest = ["--test", "--test-reporter=spec", `--test-concurrency=${String(availableParallelism())}`];

/** What checks the program on the hosts: its style, its types, that Python 3.6 is enough for it, and its tests. */
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

/** The slowest first, so that the others fit in beside it. */
async function steps(flags: readonly string[]): Promise<Step[]> {
  const files = checkFolders.map((folder) => `tests/${folder}/**/*.test.ts`);
  return [
    { what: "lint", args: [tool("eslint", "bin", "eslint.js"), "--max-warnings=0", "."] },
    { what: "types", args: [tool("typescript", "bin", "tsc"), "--noEmit", "-p", root] },
    { what: "format", args: [tool("prettier", "bin", "prettier.cjs"), "--check", "--log-level=warn", "."] },
    { what: `tests (${checkFolders.join(", ")})`, args: [...nodeTest, ...flags, ...files] },
    ...(await agentSteps()),
  ];
}

/** @returns the counts at the end of the output of Node's spec reporter, or of Python's unittest */
function tally(output: string, failed: boolean): Tally {
  const ran = /^Ran (\d+) tests? in /m.exec(output);
  if (ran !== null) {
    const bad = [...output.matchAll(/\b(?:failures|errors)=(\d+)/g)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    );
    return { passed: Math.max(0, Number(ran[1]) - bad), failed: bad === 0 && failed ? 1 : bad };
  }
  const count = (name: string): number =>
    Number(new RegExp(`^ℹ ${name} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
  const failures = count("fail") + count("cancelled");
  return { passed: count("pass"), failed: failures === 0 && failed ? 1 : failures };
}

/** Runs a step and says how it went; what it wrote is shown only if it failed, of tests only those that did. */
async function run({ what, args, program = process.execPath }: Step, env: Pulumi["env"]): Promise<Tally> {
  const started = Date.now();
  const { failed, all } = await execa(program, args, {
    cwd: root,
    env,
    extendEnv: false,
    stdin: "ignore",
    all: true,
    reject: false,
  });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${failed ? "failed" : "ok"}: ${what} (${seconds} s)\n`);
  if (failed) process.stdout.write(`${all.slice(Math.max(0, all.indexOf("✖ failing tests:")))}\n`);
  return tally(all, failed);
}

/** Runs the checks, two at a time: each of them keeps one core busy. */
async function runAll(flags: readonly string[], env: Pulumi["env"]): Promise<Tally[]> {
  const left = await steps(flags);
  const results: Tally[] = [];
  const worker = async (): Promise<void> => {
    for (let step = left.shift(); step !== undefined; step = left.shift()) results.push(await run(step, env));
  };
  await Promise.all([worker(), worker()]);
  return results;
}

/** Runs files of tests on this terminal. */
async function runHere(
  files: readonly string[],
  flags: readonly string[],
  env: Pulumi["env"],
): Promise<Tally> {
  const args = ["--test", "--test-reporter=spec", ...flags, ...files];
  const { failed, stdout } = await execa(process.execPath, args, {
    cwd: root,
    env,
    extendEnv: false,
    stdin: "ignore",
    reject: false,
    forceKillAfterDelay: false,
    stdout: ["inherit", "pipe"],
    stderr: "inherit",
  });
  return tally(stdout, failed);
}

/** @returns the exit code for these results, said in the last line */
function conclude(results: readonly Tally[]): number {
  const sum = (key: keyof Tally): number => results.reduce((total, result) => total + result[key], 0);
  process.stdout.write(`${String(sum("passed"))} passed, ${String(sum("failed"))} failed\n`);
  return sum("failed") === 0 ? 0 : 1;
}

/** What needs no hosts: format, lint, types, unit and graph tests. @param args files to run alone, flags of `node --test` */
export async function check({ env }: Pulumi, args: readonly string[]): Promise<number> {
  const { files, flags } = wantedTests(args, false);
  return conclude(await (files.length > 0 ? runFiles(files, flags, env) : runAll(flags, env)));
}

/** The checks, and if they pass the end-to-end suite; or the given files alone. */
export async function test({ env }: Pulumi, args: readonly string[]): Promise<number> {
  const { files, flags } = wantedTests(args, true);
  if (files.length > 0) return conclude(await runFiles(files, flags, env));
  const results = await runAll(flags, env);
  if (results.some(({ failed }) => failed > 0)) return conclude(results);
  return conclude([...results, ...(await runFiles(testFiles("e2e"), flags, env))]);
}

/** What `test` has no time for: further systems, and further ways to set them up. */
export async function platforms({ env }: Pulumi, args: readonly string[]): Promise<number> {
  return folder("platforms", args, env);
}

/** What `test` has no time for: what an operator does to a whole cluster, and waits for. */
export async function operations({ env }: Pulumi, args: readonly string[]): Promise<number> {
  return folder("operations", args, env);
}

async function folder(name: string, args: readonly string[], env: Pulumi["env"]): Promise<number> {
  const { files, flags } = wantedTests(args, true);
  return conclude(await runFiles(files.length > 0 ? files : testFiles(name), flags, env));
}

/** First what needs no hosts, all at once; then one file after the other, since each is a whole lab. */
async function runFiles(
  files: readonly string[],
  flags: readonly string[],
  env: Pulumi["env"],
): Promise<Tally[]> {
  const results: Tally[] = [];
  const quick = files.filter((file) => !needsHosts(file));
  if (quick.length > 0) results.push(await runHere(quick, flags, env));
  for (const file of files.filter(needsHosts)) results.push(await runHere([file], flags, env));
  return results;
}
