/** `npm run restore -- FILE`: shows what a backup would make and change in a cluster; with `--yes`, does it. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { compareDefinitions, type Difference } from "../definitions/difference.ts";
import {
  type Definitions,
  definitionsOf,
  DefinitionsError,
  hasFence,
  parseDefinitions,
} from "../definitions/exported-definitions.ts";
import { adaptDefinitions } from "../definitions/series.ts";
import { UserError } from "../user-error.ts";
import { findLogin } from "../verify/checks/hosts.ts";
import type { System } from "../verify/outputs.ts";
import { giveDefinitions, PartialAnswer } from "./backup/broker.ts";
import { type BackupLabel, decryptBackup } from "./backup/encrypted-file.ts";
import { backUp } from "./backup/make.ts";
import { backupPassphrase } from "./backup/passphrase.ts";
import { differenceMessage, refusalMessage, titleMessage } from "./backup/restore-messages.ts";
import { type Answer, askAnyBroker, NoAnswerError } from "./backup/source.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { npmCommand, secretsProviderOf, extractStackOption } from "./stack.ts";
import { readSystem } from "./verify.ts";

export interface RestoreOptions {
  readonly file: string;
  readonly yes: boolean;
}

/** @throws UserError if there is no file, or more than one, or another flag */
export function parseRestoreOptions(args: readonly string[]): RestoreOptions {
  const { values, positionals } = parseArgs({ args: [...args], strict: false, allowPositionals: true });
  const [file, ...more] = positionals;
  const unknown = Object.keys(values).filter((name) => name !== "yes");
  if (file === undefined || more.length > 0)
    throw new UserError("restore takes one file, such as npm run restore -- backups/FILE.backup");
  if (unknown.length > 0)
    throw new UserError(`restore takes only --stack NAME and --yes; leave out: --${unknown.join(" --")}`);
  return { file, yes: values["yes"] === true };
}

export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { stack, rest } = extractStackOption(args);
  const { file, yes } = parseRestoreOptions(rest);
  const started = performance.now();
  const passphrase = backupPassphrase(pulumi.env, stack, await secretsProviderOf(pulumi, stack));
  const { label, definitions } = await readBackup(file, passphrase);
  const system = await readSystem(pulumi, stack);
  const before = await askCluster(system, stack);
  refuseFenced(before.definitions, stack);
  const adapted = adaptDefinitions(definitions, before.definitions.version);
  const compare = (present: Definitions): Difference =>
    compareDefinitions(adapted.definitions, present, ownOf(system));
  const difference = compare(before.definitions);
  process.stdout.write(`${titleMessage(file, label, stack, before.definitions.version)}\n\n`);
  process.stdout.write(`${differenceMessage(difference, adapted)}\n`);
  const given = [...difference.made, ...difference.changed];
  if (given.length === 0) {
    process.stdout.write("\nThere is nothing to make or change.\n");
    return 0;
  }
  if (!yes) {
    process.stdout.write(`\nNothing was done. To do it: ${npmCommand("restore", stack, file, "--yes")}\n`);
    return 0;
  }
  const logins = [findLogin(system, before.broker)];
  const kept = await backUp(pulumi, stack, { system, logins, before: "restore", answer: before });
  process.stdout.write(`\nWhat the cluster has now is kept in ${kept.path}\n`);
  const wanted = definitionsOf(given, definitions.version);
  const refused = await give(wanted, logins[0] ?? findLogin(system, before.broker));
  const left = compare((await askCluster(system, stack, before.broker)).definitions);
  const missing = [...left.made, ...left.changed];
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (missing.length > 0) {
    process.stderr.write(`${refusalMessage(missing, refused)}\n`);
    process.stderr.write(
      `stack ${stack} has ${given.length - missing.length} of ${given.length} objects, after ${seconds} s\n`,
    );
    return 1;
  }
  process.stdout.write(`stack ${stack} has all ${given.length} of them, after ${seconds} s\n`);
  return 0;
}

/** @throws UserError if clients are kept out, since users with a backup's limits could log in */
export function refuseFenced(present: Definitions, stack: string): void {
  if (!hasFence(present)) return;
  throw new UserError(
    `nothing was done: a migration keeps all clients out of stack ${stack} by limits of its users, and a restore would let them in; end the migration or take it back first, as docs/migrate.md says`,
  );
}

type Refusals = Awaited<ReturnType<typeof giveDefinitions>>;

async function give(wanted: Definitions, login: Parameters<typeof giveDefinitions>[0]): Promise<Refusals> {
  try {
    return await giveDefinitions(login, wanted);
  } catch (error) {
    // Whatever was made meanwhile is found by the comparison that follows.
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${login.name} did not say that it has taken them: ${reason}\n`);
    return [];
  }
}

function ownOf({ adminUser, policy }: System): { adminUser: string; policyName: string } {
  return { adminUser, policyName: policy.name };
}

async function readBackup(
  file: string,
  passphrase: string,
): Promise<{ readonly label: BackupLabel; readonly definitions: Definitions }> {
  const bytes = await readFile(resolve(file)).catch((error: unknown) => {
    throw new UserError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  const { label, text } = await decryptBackup(bytes, file, passphrase);
  try {
    return { label, definitions: parseDefinitions(text) };
  } catch (error) {
    if (!(error instanceof DefinitionsError)) throw error;
    throw new UserError(`the definitions in ${file} are not whole: ${error.message}; take another backup`);
  }
}

/** @param broker the one to ask @default any */
async function askCluster(
  system: System,
  stack: string,
  broker?: string,
): Promise<Answer & { readonly broker: string }> {
  const names = broker === undefined ? system.brokers.map(({ name }) => name) : [broker];
  try {
    return await askAnyBroker(names.map((name) => findLogin(system, name)));
  } catch (error) {
    if (!(error instanceof NoAnswerError) && !(error instanceof PartialAnswer)) throw error;
    const advice = npmCommand("up", stack, "--repair");
    throw new UserError(`no broker of stack ${stack} answers whole:\n${error.message}\nStart one: ${advice}`);
  }
}
