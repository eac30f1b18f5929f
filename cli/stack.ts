/** The stack of a command: its name, its platform, its state, and recovery from a killed run. */
import { hostname } from "node:os";
import { parseArgs } from "node:util";
import { logSetup } from "../toolchain/step.ts";
import { UserError } from "../user-error.ts";
import {
  isHolderRunning,
  readLocks,
  readState,
  type StackExport,
  removeEmptyMetadata,
} from "./file-backend.ts";
import { refuseWhileMigrated } from "./migrate/lock-file.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import type { StateResource } from "./repair-plan.ts";
import {
  findStackFile,
  hasSalt,
  initStack,
  readStackFile,
  stackFileFlags,
  stackFileName,
} from "./stack-file.ts";
import type { PlatformKind } from "../hosts/platform-kinds.ts";
import { namesSecretsProvider, parsePlatform } from "./stack-platform.ts";

export const projectName = "rabbitmq-ha";
export const defaultStack = "dev";

/** A command-line option with a value. */
interface Option {
  readonly name: string;
  readonly short?: string;
  /** Describes its value, with an example. */
  readonly valueHint: string;
}

/**
 * Takes `--NAME VALUE` or `--NAME=VALUE` out of a command's arguments.
 * @returns its value (the last one if it is given more than once) and the remaining arguments, in their order
 * @throws UserError if it has no value
 */
export function extractOption(
  args: readonly string[],
  { name, short, valueHint }: Option,
): { readonly value: string | undefined; readonly rest: string[] } {
  const { tokens } = parseArgs({
    args: [...args],
    options: { [name]: { type: "string", ...(short === undefined ? {} : { short }) } },
    strict: false,
    tokens: true,
  });
  let value: string | undefined;
  const taken = new Set<number>();
  for (const token of tokens) {
    if (token.kind !== "option" || token.name !== name) continue;
    if (
      token.value === undefined ||
      token.value === "" ||
      (!token.inlineValue && token.value.startsWith("-"))
    ) {
      throw new UserError(`--${name} needs ${valueHint}`);
    }
    value = token.value;
    taken.add(token.index);
    if (!token.inlineValue) taken.add(token.index + 1);
  }
  return { value, rest: args.filter((_, index) => !taken.has(index)) };
}

const stackOption = {
  name: "stack",
  short: "s",
  valueHint: "the stack's name, such as --stack dev",
} as const;

/**
 * Takes `--stack NAME` (or `-s NAME`) out of a command's arguments.
 * @returns the stack's name and the remaining arguments for the Pulumi CLI, in their order
 */
export function extractStackOption(args: readonly string[]): {
  readonly stack: string;
  readonly rest: string[];
} {
  const { value = defaultStack, rest } = extractOption(args, stackOption);
  return { stack: value, rest };
}

/**
 * Takes `--from STACK` and `--to STACK` out of a command's arguments.
 * @throws UserError unless they name two stacks
 */
export function extractStackPair(args: readonly string[]): {
  readonly from: string;
  readonly to: string;
  readonly rest: string[];
} {
  const hint = (name: string): string =>
    `a stack's name, such as --${name} ${name === "from" ? "old" : "new"}`;
  const { value: from, rest: others } = extractOption(args, { name: "from", valueHint: hint("from") });
  const { value: to, rest } = extractOption(others, { name: "to", valueHint: hint("to") });
  if (from === undefined || to === undefined)
    throw new UserError(`migrate needs two stacks: --from OLD --to NEW`);
  if (from === to)
    throw new UserError(
      `--from and --to are both ${from}; name the stack that is left and the one that is taken`,
    );
  return { from, to, rest };
}

/** @returns the command line that runs the npm script on this stack */
export function npmCommand(script: string, stack: string, ...flags: readonly string[]): string {
  const args = [...flags, ...(stack === defaultStack ? [] : ["--stack", stack])];
  return `npm run ${script}${args.length === 0 ? "" : ` -- ${args.join(" ")}`}`;
}

/**
 * @returns the platform that the stack's file names
 * @throws UserError if the file is not a stack file, or names an unknown platform
 */
export function readPlatform(stack: string): PlatformKind {
  return parsePlatform(readStackFile(stack), stackFileName(stack));
}

/**
 * @param file the text of the stack's file; undefined if there is none, which is not clearly a lab's
 * @throws UserError if a stack of real machines has neither a passphrase nor a secrets provider of the user's own
 */
export function ensureSecretsProtected(
  stack: string,
  env: NodeJS.ProcessEnv,
  file: string | undefined = findStackFile(stack),
): void {
  const own = ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_BACKEND_URL"];
  const fileName = stackFileName(stack);
  const platform = file === undefined ? undefined : parsePlatform(file, fileName);
  if (platform === "lab" || own.some((name) => env[name] !== undefined)) return;
  if (file !== undefined && namesSecretsProvider(file, fileName)) return;
  if (file === undefined) {
    throw new UserError(
      `stack ${stack} has no file ${fileName}, so it may not be a lab; write the file first, or export ` +
        "PULUMI_CONFIG_PASSPHRASE_FILE=THE-FILE-WITH-ITS-PASSPHRASE",
    );
  }
  throw new UserError(
    `stack ${stack} is not a lab, so its secrets need a passphrase of your own: write one to a file ` +
      `that only you can read, and export PULUMI_CONFIG_PASSPHRASE_FILE=THAT-FILE`,
  );
}

/**
 * Removes the lock of a run that was killed. The lock of a process that still runs stays.
 * @throws UserError with the process ID if another run, or a migration, is in progress
 */
async function clearLock(pulumi: PulumiCli, stack: string): Promise<void> {
  refuseWhileMigrated(stack);
  const found = readLocks(pulumi, projectName, stack);
  if (found.length === 0) return;
  const active = found.find(isHolderRunning);
  if (active !== undefined) {
    const where = active.hostname === hostname() ? "" : ` on ${active.hostname}`;
    const otherwise =
      where === "" ? "or end it first" : `or, if it runs no more: npm run pulumi -- cancel --stack ${stack}`;
    throw new UserError(
      `stack ${stack} is being worked on by process ${active.pid}${where}; wait for it, ${otherwise}`,
    );
  }
  logSetup(`the last run on stack ${stack} was killed; removing its lock`);
  await pulumi.captureOrThrow(["cancel", "--yes", "--stack", stack]);
}

/**
 * Clears the lock and the pending operations of a killed run. Every command of the program can be repeated, so an
 * operation whose result is unknown is run again.
 * @param flags of the update that follows
 * @returns the flags, with those that name the stack's file for the CLI; undefined if the stack does not exist
 */
export async function recoverStack(
  pulumi: PulumiCli,
  stack: string,
  flags: readonly string[],
): Promise<string[] | undefined> {
  await clearLock(pulumi, stack);
  removeEmptyMetadata(pulumi, projectName, stack);
  const state = await exportStack(pulumi, stack);
  if (state === undefined) return undefined;
  const all = [...(await stackFileFlags(stack, state.deployment?.secrets_providers, flags)), ...flags];
  const pending = state.deployment?.pending_operations ?? [];
  if (pending.length === 0) return all;
  logSetup(
    `the last run on stack ${stack} left ${pending.length} operations unfinished; they will be run again`,
  );
  const cleared = { ...state, deployment: { ...state.deployment, pending_operations: [] } };
  await pulumi.captureOrThrow(["stack", "import", "--stack", stack], JSON.stringify(cleared));
  return all;
}

/**
 * Creates the stack if it does not exist, and clears what a killed run left.
 * @returns the flags, with those that name the stack's file for the CLI
 */
export async function prepareStack(
  pulumi: PulumiCli,
  stack: string,
  flags: readonly string[],
): Promise<string[]> {
  const opened = await recoverStack(pulumi, stack, flags);
  if (opened !== undefined) return opened;
  await initStack(pulumi, stack);
  const state = await exportStack(pulumi, stack);
  return [...(await stackFileFlags(stack, state?.deployment?.secrets_providers, flags)), ...flags];
}

/** The commands of the CLI that read the stack's file, and write a missing salt to it. */
const commandsWithStackFile = [
  "up",
  "update",
  "preview",
  "pre",
  "refresh",
  "destroy",
  "down",
  "import",
  "watch",
];

/**
 * @param args of the CLI
 * @returns the arguments, with those that name the file of the stack for the CLI
 */
export async function addStackFileFlags(pulumi: PulumiCli, args: readonly string[]): Promise<string[]> {
  const { value: stack } = extractOption(args, stackOption);
  const verb = args.find((arg) => !arg.startsWith("-"));
  // Without a name the CLI chooses the stack. A file that has a salt is used as it is.
  if (stack === undefined || verb === undefined || !commandsWithStackFile.includes(verb) || hasSalt(stack))
    return [...args];
  const state = await exportStack(pulumi, stack);
  if (state === undefined) return [...args];
  return [...args, ...(await stackFileFlags(stack, state.deployment?.secrets_providers, args))];
}

/** @returns the resources of a stack's state; each comes after those that it depends on */
export async function readResources(pulumi: PulumiCli, stack: string): Promise<readonly StateResource[]> {
  return (await exportStack(pulumi, stack))?.deployment?.resources ?? [];
}

/** The outputs of the last update, as the state has them: a secret is not readable. Undefined before the first one. */
export type StackOutputs = StateResource["outputs"];

export async function readStackOutputs(pulumi: PulumiCli, stack: string): Promise<StackOutputs> {
  const resources = await readResources(pulumi, stack);
  return resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs;
}

/** @returns what encrypts the stack's secrets, such as `passphrase`; undefined if its state does not say */
export async function secretsProviderOf(pulumi: PulumiCli, stack: string): Promise<string | undefined> {
  return (await exportStack(pulumi, stack))?.deployment?.secrets_providers?.type;
}

/** @returns the stack's state as the CLI exports it, with encrypted secrets; undefined if the stack does not exist */
async function exportStack(pulumi: PulumiCli, stack: string): Promise<StackExport | undefined> {
  const stored = readState(pulumi, projectName, stack);
  if (stored !== undefined) return stored === "none" ? undefined : stored;
  const { failed, stdout, stderr } = await pulumi.capture(["stack", "export", "--stack", stack]);
  if (!failed) return JSON.parse(stdout) as StackExport;
  if (stderr.includes("no stack named")) return undefined;
  throw new UserError(`the state of stack ${stack} cannot be read:\n${stderr}`);
}
