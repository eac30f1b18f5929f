/** Which stack a command is about, and that it is in a state to be worked on. */
import { parseArgs } from "node:util";
import { say } from "../toolchain/step.ts";
import { UserError } from "../user-error.ts";
import { alive, locksOf, stateOf, type Export } from "./file-backend.ts";
import type { Pulumi } from "./pulumi.ts";
import type { StateResource } from "./repair-plan.ts";
import { fileFlags, hasSalt, initStack, textOf } from "./stack-file.ts";

export const project = "rabbitmq-ha";
export const defaultStack = "dev";

/** What an argument with a value is called. */
interface Option {
  readonly name: string;
  readonly short?: string;
  /** What its value is, and an example. */
  readonly wants: string;
}

/**
 * Takes `--NAME VALUE` or `--NAME=VALUE` out of a command's arguments.
 * @returns its value, the last one where it is given twice, and the arguments that are left, in their order
 * @throws UserError when it has no value
 */
export function takeOption(
  args: readonly string[],
  { name, short, wants }: Option,
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
      throw new UserError(`--${name} wants ${wants}`);
    }
    value = token.value;
    taken.add(token.index);
    if (!token.inlineValue) taken.add(token.index + 1);
  }
  return { value, rest: args.filter((_, index) => !taken.has(index)) };
}

const stackOption = { name: "stack", short: "s", wants: "the stack's name, such as --stack dev" } as const;

/**
 * Takes `--stack NAME` (or `-s NAME`) out of a command's arguments.
 * @returns the stack's name and the arguments that are left for the Pulumi CLI, in their order
 */
export function stackArgument(args: readonly string[]): { readonly stack: string; readonly rest: string[] } {
  const { value = defaultStack, rest } = takeOption(args, stackOption);
  return { stack: value, rest };
}

/** @returns the npm script as it has to be typed for this stack */
export function npm(script: string, stack: string, ...flags: readonly string[]): string {
  const args = [...flags, ...(stack === defaultStack ? [] : ["--stack", stack])];
  return `npm run ${script}${args.length === 0 ? "" : ` -- ${args.join(" ")}`}`;
}

/** @returns the platform that the stack's file names; what is wrong with it is the program's to say */
export function platformOf(stack: string): string {
  return /^\s*(?:rabbitmq-ha:)?platform:\s*["']?([\w-]+)/m.exec(textOf(stack))?.[1] ?? "lab";
}

/** @throws UserError when nothing that only the user has would guard the secrets of a stack of real machines */
export function ensureGuarded(stack: string, env: NodeJS.ProcessEnv): void {
  const own = ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_BACKEND_URL"];
  if (platformOf(stack) === "lab" || own.some((name) => env[name] !== undefined)) return;
  if (/^secretsprovider:/m.test(textOf(stack))) return;
  throw new UserError(
    `the machines of stack ${stack} are no lab, so its secrets need a passphrase of your own: write one into a file ` +
      `that only you can read, and export PULUMI_CONFIG_PASSPHRASE_FILE=THAT-FILE`,
  );
}

/**
 * Removes the lock of a run that was killed. A lock whose process lives stays, and the command ends with its number.
 * @throws UserError when another run is under way
 */
async function clearLock(pulumi: Pulumi, stack: string): Promise<void> {
  const found = locksOf(pulumi, project, stack);
  if (found.length === 0) return;
  const living = found.find(alive);
  if (living !== undefined) {
    throw new UserError(
      `stack ${stack} is being worked on by process ${living.pid}; wait for it, or end it first`,
    );
  }
  say(`the last run on stack ${stack} was killed; removing its lock`);
  await pulumi.must(["cancel", "--yes", "--stack", stack]);
}

/**
 * Makes good what a killed run left in the way: its lock and its pending operations are cleared. Every command here can
 * be repeated, so an operation of which nothing is known is just run again.
 * @param flags of the update that is to follow
 * @returns them, with those by which the CLI reads the stack's file; undefined where there is no such stack
 */
export async function recoverStack(
  pulumi: Pulumi,
  stack: string,
  flags: readonly string[],
): Promise<string[] | undefined> {
  await clearLock(pulumi, stack);
  const state = await exportStack(pulumi, stack);
  if (state === undefined) return undefined;
  const all = [...(await fileFlags(stack, state.deployment?.secrets_providers, flags)), ...flags];
  const pending = state.deployment?.pending_operations ?? [];
  if (pending.length === 0) return all;
  say(`the last run on stack ${stack} left ${pending.length} operations unfinished; they will be run again`);
  const cleared = { ...state, deployment: { ...state.deployment, pending_operations: [] } };
  await pulumi.must(["stack", "import", "--stack", stack], JSON.stringify(cleared));
  return all;
}

/**
 * Makes sure that the stack exists and that no killed run is in the way.
 * @returns the flags, with those by which the CLI reads the stack's file
 */
export async function openStack(pulumi: Pulumi, stack: string, flags: readonly string[]): Promise<string[]> {
  const opened = await recoverStack(pulumi, stack, flags);
  if (opened !== undefined) return opened;
  await initStack(pulumi, stack);
  const state = await exportStack(pulumi, stack);
  return [...(await fileFlags(stack, state?.deployment?.secrets_providers, flags)), ...flags];
}

/** The CLI's commands that read the stack's whole file, and write into it what is missing there. */
const updating = ["up", "update", "preview", "pre", "refresh", "destroy", "down", "import", "watch"];

/**
 * @param args of the CLI
 * @returns them, with those by which it reads the file of the stack that they name
 */
export async function withStackFile(pulumi: Pulumi, args: readonly string[]): Promise<string[]> {
  const { value: stack } = takeOption(args, stackOption);
  const verb = args.find((arg) => !arg.startsWith("-"));
  // A stack that is not named is the CLI's to choose, and of a file with a salt nothing has to be asked.
  if (stack === undefined || verb === undefined || !updating.includes(verb) || hasSalt(stack))
    return [...args];
  const state = await exportStack(pulumi, stack);
  if (state === undefined) return [...args];
  return [...args, ...(await fileFlags(stack, state.deployment?.secrets_providers, args))];
}

/** @returns the resources of a stack's state, each after those that it depends on */
export async function resourcesOf(pulumi: Pulumi, stack: string): Promise<readonly StateResource[]> {
  return (await exportStack(pulumi, stack))?.deployment?.resources ?? [];
}

/** @returns the stack's state as the CLI exports it, secrets encrypted; undefined where there is no such stack */
async function exportStack(pulumi: Pulumi, stack: string): Promise<Export | undefined> {
  const kept = stateOf(pulumi, project, stack);
  if (kept !== undefined) return kept === "none" ? undefined : kept;
  const { failed, stdout, stderr } = await pulumi.ask(["stack", "export", "--stack", stack]);
  if (!failed) return JSON.parse(stdout) as Export;
  if (stderr.includes("no stack named")) return undefined;
  throw new UserError(`the state of stack ${stack} cannot be read:\n${stderr}`);
}
