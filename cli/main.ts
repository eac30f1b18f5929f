/** The npm scripts. Each installs what it needs, then runs; `--help` prints its usage. */
import {
  benchPackages,
  browserPackages,
  checkPackages,
  ensurePackages,
  ensureRoot,
  labPackages,
  pythonPackages,
} from "../toolchain/debian.ts";
import { pulumiEnvironment } from "../toolchain/environment.ts";
import { logSetup } from "../toolchain/step.ts";
import { UserError } from "../user-error.ts";
import { describeToolchain, ensureToolchain } from "../toolchain/pulumi.ts";
import { type CommandName, formatCommands, formatUsage, isCommand } from "./help.ts";
import { endOnInterrupt, holdInterrupt } from "./interrupt.ts";
import { meantStack } from "./meant-stack.ts";
import { makePulumiCli, type PulumiCli } from "./run-pulumi.ts";
import { takeHostOptions } from "./host-options.ts";
import {
  addStackFileFlags,
  ensureSecretsProtected,
  readPlatform,
  extractStackOption,
  extractStackPair,
} from "./stack.ts";
import { needsOf, selectTests, type TestNeed } from "./test-files.ts";

type Need = TestNeed | "bench";

interface Command {
  /** What must be installed on this computer before the command can run. */
  readonly needs: (args: readonly string[]) => readonly Need[];
  /** Whether it ends in order after Ctrl-C, and removes what it has made. @default false */
  readonly cleansUp?: boolean;
  readonly run: (pulumi: PulumiCli, args: readonly string[]) => Promise<number>;
}

/** The Debian packages for each need of a command. */
const packages: Readonly<Record<Need, readonly string[]>> = {
  lab: labPackages,
  checks: checkPackages,
  browser: browserPackages,
  python: pythonPackages,
  bench: benchPackages,
};

/** @returns the lab's tools if the stack's hosts are lab hosts, else nothing */
const stackNeeds = (args: readonly string[]): readonly Need[] =>
  readPlatform(extractStackOption(args).stack) === "lab" ? ["lab"] : [];

/** @returns what the given test files need; without files, all that the command needs */
function testNeeds(args: readonly string[], all: readonly Need[]): readonly Need[] {
  const { files } = selectTests(args, all.includes("lab"));
  return files.length === 0 ? all : [...new Set(files.flatMap(needsOf))];
}

const commands: Readonly<Record<CommandName, Command>> = {
  up: {
    needs: stackNeeds,
    run: async (...args) => (await import("./up.ts")).run(...args),
  },
  preview: {
    needs: () => [],
    run: async (...args) => (await import("./preview.ts")).run(...args),
  },
  destroy: {
    needs: stackNeeds,
    run: async (...args) => (await import("./destroy.ts")).run(...args),
  },
  verify: {
    needs: () => [],
    run: async (...args) => (await import("./verify.ts")).run(...args),
  },
  backup: {
    needs: () => [],
    run: async (...args) => (await import("./backup.ts")).run(...args),
  },
  restore: {
    needs: () => [],
    run: async (...args) => (await import("./restore.ts")).run(...args),
  },
  migrate: {
    needs: () => [],
    run: async (...args) => (await import("./migrate.ts")).run(...args),
  },
  rotate: {
    needs: stackNeeds,
    run: async (...args) => (await import("./rotate.ts")).run(...args),
  },
  pulumi: {
    needs: () => [],
    run: async (pulumi, args) => pulumi.run(await addStackFileFlags(pulumi, args)),
  },
  check: {
    needs: (args) => testNeeds(args, ["checks"]),
    cleansUp: true,
    run: async (...args) => (await import("./test.ts")).runChecks(...args),
  },
  chaos: {
    needs: (args) => (args.some((arg) => arg === "--list" || arg === "--report") ? [] : ["lab"]),
    cleansUp: true,
    run: async (_, args) => (await import("./chaos.ts")).run(args),
  },
  test: {
    needs: (args) => testNeeds(args, ["checks", "lab", "browser", "python"]),
    cleansUp: true,
    run: async (...args) => (await import("./test.ts")).runTests(...args),
  },
  "test:platforms": {
    needs: (args) => testNeeds(args, ["lab", "python"]),
    cleansUp: true,
    run: async (...args) => (await import("./test.ts")).runPlatformTests(...args),
  },
  "test:operations": {
    needs: (args) => testNeeds(args, ["lab", "python"]),
    cleansUp: true,
    run: async (...args) => (await import("./test.ts")).runOperationTests(...args),
  },
  bench: {
    needs: () => ["lab", "bench"],
    cleansUp: true,
    run: async (...args) => (await import("./bench.ts")).run(...args),
  },
};

/** @returns the stacks that the arguments name; the Pulumi CLI may choose one by itself */
function stacksOf(verb: CommandName, args: readonly string[]): readonly string[] {
  if (verb === "pulumi") return [];
  if (verb !== "migrate") return [extractStackOption(args).stack];
  const { from, to } = extractStackPair(args);
  return [from, to];
}

async function main([verb = "", ...args]: readonly string[]): Promise<number> {
  if (!isCommand(verb)) {
    const isHelp = verb === "--help" || verb === "-h";
    const problem = verb === "" || isHelp ? "" : `there is no command ${verb}; write one of these:\n\n`;
    process.stderr.write(`${problem}${formatCommands()}`);
    return isHelp ? 0 : 2;
  }
  if (verb !== "pulumi" && (args.includes("--help") || args.includes("-h"))) {
    process.stdout.write(formatUsage(verb));
    return 0;
  }
  const command = commands[verb];
  const named = stacksOf(verb, args);
  for (const stack of named) ensureSecretsProtected(stack, process.env);
  const needs = command.needs(args);
  if (needs.includes("lab")) ensureRoot("the lab");
  const wanted = needs.flatMap((need) => packages[need]);
  if (wanted.length > 0) await ensurePackages(wanted, needs.includes("lab") ? "the lab" : "npm run check");
  const toolchain = await ensureToolchain();
  logSetup(describeToolchain(toolchain));
  const meant = verb === "pulumi" ? meantStack(args, pulumiEnvironment(toolchain, false)) : undefined;
  if (meant !== undefined) ensureSecretsProtected(meant, process.env);
  const { variables, rest } = verb === "up" || verb === "preview" ? takeHostOptions(args) : { rest: args };
  const stacks = meant === undefined ? named : [meant];
  const isLab = stacks.length > 0 && stacks.every((stack) => readPlatform(stack) === "lab");
  const env = { ...pulumiEnvironment(toolchain, isLab), ...variables };
  endOnInterrupt();
  const run = (): Promise<number> => command.run(makePulumiCli(toolchain.cli.path, env), rest);
  return command.cleansUp === true ? holdInterrupt(run) : run();
}

// What is set up first gets Ctrl-C itself, and fails; then this process ends with its message.
process.on("SIGINT", () => undefined);
// What is waited for may end by a timer alone that keeps no process alive, such as AbortSignal.timeout's.
const keepAlive = setInterval(() => undefined, 60_000);
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  clearInterval(keepAlive);
}
