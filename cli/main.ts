/** The npm scripts. Each sets up what it needs, then runs; `--help` says how. */
import {
  awsPackages,
  benchPackages,
  browserPackages,
  checkPackages,
  ensurePackages,
  ensureRoot,
  labPackages,
} from "../toolchain/debian.ts";
import { pulumiEnvironment } from "../toolchain/environment.ts";
import { say } from "../toolchain/step.ts";
import { UserError } from "../user-error.ts";
import { describe, ensureToolchain } from "../toolchain/toolchain.ts";
import { pulumiCli, type Pulumi } from "./pulumi.ts";
import { ensureGuarded, platformOf, stackArgument, withStackFile } from "./stack.ts";
import { needsHosts, wantedTests } from "./test-files.ts";

interface Command {
  readonly help: string;
  /** What must be on this computer before the command can run. */
  readonly needs: (args: readonly string[]) => readonly Need[];
  readonly run: (pulumi: Pulumi, args: readonly string[]) => Promise<number>;
}

/** The Debian packages behind each thing that a command may need. */
const packages = {
  lab: labPackages,
  checks: checkPackages,
  browser: browserPackages,
  aws: awsPackages,
  bench: benchPackages,
} as const;
type Need = keyof typeof packages;

/** The lab's tools only where the stack's hosts are the lab's. */
const asStack = (args: readonly string[]): readonly Need[] =>
  platformOf(stackArgument(args).stack) === "lab" ? ["lab"] : [];

/** @returns what the given files of tests need, or all that the command needs where it is given none */
function asTests(args: readonly string[], all: readonly Need[]): readonly Need[] {
  const { files } = wantedTests(args, all.includes("lab"));
  if (files.length === 0) return all;
  const needs = new Set<Need>();
  for (const file of files) {
    needs.add(needsHosts(file) ? "lab" : "checks");
    if (file.includes("/browser")) needs.add("browser");
    if (file.includes("/aws-")) needs.add("aws");
  }
  return [...needs];
}

const commands: Readonly<Record<string, Command>> = {
  up: {
    help: "[--stack NAME] [--repair] [--replace HOST] [--force-boot BROKER] [pulumi up's flags]   bring the stack up, verify it and say how to use it; --repair also runs again what verify finds broken; --replace puts another machine in a host's place; --force-boot first starts a broker that waits for one that is gone for good, whose newest state is lost",
    needs: asStack,
    run: async (...args) => (await import("./up.ts")).run(...args),
  },
  preview: {
    help: "[--stack NAME] [--replace HOST] [pulumi preview's flags]   show what `up` would do",
    needs: () => [],
    run: async (...args) => (await import("./preview.ts")).run(...args),
  },
  destroy: {
    help: "[--stack NAME] [pulumi destroy's flags]   take the stack away; nothing to take away is no error",
    needs: asStack,
    run: async (...args) => (await import("./destroy.ts")).run(...args),
  },
  verify: {
    help: "[--stack NAME]   ask the running system whether it is whole; exit code 0 only if it is",
    needs: () => [],
    run: async (...args) => (await import("./verify.ts")).run(...args),
  },
  pulumi: {
    help: "ARGS   the Pulumi CLI with this project's toolchain and backend",
    needs: () => [],
    run: async (pulumi, args) => pulumi.run(await withStackFile(pulumi, args)),
  },
  check: {
    help: "[FILE...] [node --test's flags]   format, lint, types, unit and graph tests: everything that needs no hosts; or these files of tests alone",
    needs: (args) => asTests(args, ["checks"]),
    run: async (...args) => (await import("./test.ts")).check(...args),
  },
  chaos: {
    help: "[--only FAULT,FAULT] [--times N] [--list] [--keep] [--json FILE] [--markdown FILE]   break a lab of its own under load, one fault at a time; exit code 0 only if every goal holds",
    needs: (args) => (args.includes("--list") ? [] : ["lab"]),
    run: async (_, args) => (await import("./chaos.ts")).run(args),
  },
  test: {
    help: "[FILE...] [node --test's flags]   everything: the checks, then the end-to-end suite on lab hosts; or these files of tests alone",
    needs: (args) => asTests(args, ["checks", "lab", "browser", "aws"]),
    run: async (...args) => (await import("./test.ts")).test(...args),
  },
  "test:platforms": {
    help: "[FILE...] [node --test's flags]   the end-to-end suite on further systems, which `test` has no time for; or these files of tests alone",
    needs: (args) => asTests(args, ["lab"]),
    run: async (...args) => (await import("./test.ts")).platforms(...args),
  },
  "test:operations": {
    help: "[FILE...] [node --test's flags]   the end-to-end suite on operations that take long, which `test` has no time for; or these files of tests alone",
    needs: (args) => asTests(args, ["lab"]),
    run: async (...args) => (await import("./test.ts")).operations(...args),
  },
  bench: {
    help: "[--only PARTS] [--rounds N] [--quick] [--json FILE] [--markdown FILE] [--chart DIR]   set the program beside others",
    needs: () => ["lab", "bench"],
    run: async (...args) => (await import("./bench.ts")).run(...args),
  },
};

async function main([verb = "", ...args]: readonly string[]): Promise<number> {
  const command = commands[verb];
  if (command === undefined || (verb !== "pulumi" && (args.includes("--help") || args.includes("-h")))) {
    const lines = Object.entries(commands).map(([name, { help }]) => `  npm run ${name} -- ${help}`);
    process.stderr.write(`${lines.join("\n")}\n`);
    return command === undefined ? 2 : 0;
  }
  const { stack } = stackArgument(args);
  ensureGuarded(stack, process.env);
  const needs = command.needs(args);
  if (needs.includes("lab")) ensureRoot("the lab");
  const wanted = needs.flatMap((need) => packages[need]);
  if (wanted.length > 0) await ensurePackages(wanted, needs.includes("lab") ? "the lab" : "npm run check");
  const toolchain = await ensureToolchain();
  say(describe(toolchain));
  return command.run(
    pulumiCli(toolchain.cli.path, pulumiEnvironment(toolchain, platformOf(stack) === "lab")),
    args,
  );
}

// Ctrl-C is for the command below, which winds up; its exit code then ends this process too.
process.on("SIGINT", () => undefined);
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
