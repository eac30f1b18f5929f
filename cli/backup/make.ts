/** Makes a backup of a stack's definitions. */
import { summaryOf } from "../../definitions/exported-definitions.ts";
import type { Login, System } from "../../verify/outputs.ts";
import type { PulumiCli } from "../run-pulumi.ts";
import { secretsProviderOf } from "../stack.ts";
import { encryptBackup } from "./encrypted-file.ts";
import { backupFolder, storeBackup } from "./folder.ts";
import { backupPassphrase } from "./passphrase.ts";
import { type Answer, askAnyBroker } from "./source.ts";

/** Before what the program makes a backup by itself. */
export type BackupReason = "destroy" | "replace" | "upgrade" | "restore" | "full-stop";

export interface BackUpArgs {
  readonly system: System;
  /** The brokers to ask, in this order. */
  readonly logins: readonly Login[];
  readonly before?: BackupReason;
  /** The folder, if not the usual one. */
  readonly to?: string | undefined;
  /** What was asked already. */
  readonly answer?: Answer & { readonly broker: string };
  /** Ends the wait for the brokers. */
  readonly signal?: AbortSignal;
}

export interface MadeBackup {
  readonly path: string;
  /** What is in it, such as `2 users, 3 queues`. */
  readonly summary: string;
  readonly broker: string;
  readonly seconds: string;
}

/** @throws UserError without a passphrase or a writable folder, before a broker is asked; NoAnswerError */
export async function backUp(pulumi: PulumiCli, stack: string, args: BackUpArgs): Promise<MadeBackup> {
  const started = performance.now();
  const passphrase = backupPassphrase(pulumi.env, stack, await secretsProviderOf(pulumi, stack));
  const { definitions, text, broker } =
    args.answer ?? (await askAnyBroker(args.logins, { signal: args.signal }));
  const label = {
    stack,
    clusterName: args.system.clusterName,
    made: new Date().toISOString(),
    rabbitmqVersion: definitions.version,
    ...(args.before === undefined ? {} : { before: args.before }),
  };
  const file = await encryptBackup(text, label, passphrase);
  const path = await storeBackup(backupFolder(pulumi.env, args.to), label, file);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  return { path, summary: summaryOf(definitions), broker, seconds };
}
