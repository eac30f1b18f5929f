/**
 * `npm run up`: sets a stack up or updates it, verifies it and prints how to use it. `--repair` also repairs it.
 * `--force-boot NAME` first starts a broker without those that it waits for.
 */
import { labPodman } from "../hosts/lab-podman.ts";
import { logSetup } from "../toolchain/step.ts";
import { UserError } from "../user-error.ts";
import type { Finding } from "../verify/finding.ts";
import type { System } from "../verify/outputs.ts";
import { backUpBefore, extractWithoutBackup } from "./backup/automatic.ts";
import { backupFolder, newestBackup } from "./backup/folder.ts";
import { mayLoseDefinitions, reasonForBackup } from "./backup/reason.ts";
import { forceBoot } from "./force-boot.ts";
import { restoreHint } from "./force-boot-messages.ts";
import { extractFullStop, fullStop } from "./full-stop.ts";
import { fullStopFlag, refuseInterNodeChange } from "./inter-node.ts";
import { resolveReplaceFlagsOfStack } from "./replace.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { repair } from "./repair.ts";
import { warnOfUnrotatedChanges } from "./rotate/in-place.ts";
import { readStackFile, stackFileName } from "./stack-file.ts";
import {
  npmCommand,
  prepareStack,
  readPlatform,
  readResources,
  readStackOutputs,
  extractStackOption,
  extractOption,
} from "./stack.ts";
import { readSystem, verify, writeHint } from "./verify.ts";

/**
 * How long failed checks are looked at again. HAProxy uses a broker after two good answers, a second apart, and the
 * first balancer takes the address from another one after its own start, which resets connections.
 */
const settleSeconds = 15;

/** The options of `up`. */
export interface UpOptions {
  readonly repair: boolean;
  /** The broker to start without those that it waits for. */
  readonly forceBoot: string | undefined;
  readonly withoutBackup: boolean;
  /** Whether all brokers may be stopped for a change that needs it. */
  readonly fullStop: boolean;
  /** The flags of Pulumi's `up`. */
  readonly flags: readonly string[];
}

/** @throws UserError if the arguments contradict each other, or one lacks its value */
export function parseUpOptions(args: readonly string[]): UpOptions {
  const option = { name: "force-boot", valueHint: "a broker's name, such as --force-boot cent121" };
  const { withoutBackup, rest: withBoth } = extractWithoutBackup(args);
  const { fullStop, rest: others } = extractFullStop(withBoth);
  const { value, rest } = extractOption(others, option);
  const flags = rest.filter((flag) => flag !== "--repair");
  const options = { repair: flags.length < rest.length, forceBoot: value, withoutBackup, fullStop, flags };
  if (options.repair && value !== undefined) {
    throw new UserError(
      "--force-boot and --repair cannot be combined; run --force-boot first, then --repair",
    );
  }
  const other = value === undefined ? "--repair" : "--force-boot";
  if (fullStop && (options.repair || value !== undefined))
    throw new UserError(`${fullStopFlag} and ${other} cannot be combined; run ${other} first`);
  return options;
}

export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { stack, rest } = extractStackOption(args);
  const options = parseUpOptions(rest);
  const prepared = await prepareStack(pulumi, stack, options.flags);
  const flags = await resolveReplaceFlagsOfStack(pulumi, stack, prepared);
  const previousOutputs = await readStackOutputs(pulumi, stack);
  refuseInterNodeChange(previousOutputs, stack, options.fullStop);
  await warnOfUnrotatedChanges(pulumi, stack, previousOutputs);
  if (options.forceBoot !== undefined) {
    await forceBoot(await readSystem(pulumi, stack), options.forceBoot, stack);
    const newest = await newestBackup(backupFolder(pulumi.env), stack);
    process.stdout.write(`${restoreHint(newest, stack)}\n`);
  }
  if (!options.withoutBackup) await backUpIfDue(pulumi, stack, flags);
  if (options.fullStop) {
    // Whatever Pulumi refuses of the stack's file is refused before a broker is stopped.
    const previewed = await pulumi.run(["preview", "--stack", stack, ...flags]);
    if (previewed !== 0) return previewed;
    await fullStop(pulumi, stack, options.withoutBackup);
  }
  if (options.repair) {
    const exitCode = await repair(pulumi, stack, flags);
    if (exitCode !== undefined) return exitCode;
    logSetup("there is nothing to repair; continuing without --repair");
  }
  const code = await pulumi.run(["up", "--yes", "--skip-preview", "--stack", stack, ...flags]);
  if (code !== 0) return code;
  process.stdout.write("\n");
  const isSettled = (findings: readonly Finding[]): boolean => findings.every(({ ok }) => ok);
  const result = await verify(pulumi, stack, { isSettled, seconds: settleSeconds });
  if (!result.healthy) {
    const isStartDeadlock = result.findings.some((finding) => finding.startDeadlock !== undefined);
    const remedy = isStartDeadlock ? "" : `; repair it: ${npmCommand("up", stack, "--repair")}`;
    process.stderr.write(
      `The stack is up and some checks failed; see the rows marked FAILED. Check again: ${npmCommand("verify", stack)}${remedy}\n`,
    );
    writeHint(result.findings);
    return 1;
  }
  process.stdout.write(`\n${formatSummary(result.system, stack, readPlatform(stack) === "lab")}\n`);
  return 0;
}

async function backUpIfDue(pulumi: PulumiCli, stack: string, flags: readonly string[]): Promise<void> {
  const stackFile = readStackFile(stack);
  if (!mayLoseDefinitions(flags, stackFile)) return;
  const reason = reasonForBackup(flags, stackFile, await readResources(pulumi, stack));
  if (reason !== undefined) await backUpBefore(pulumi, stack, reason);
}

/** A further row for AMQPS, unless the row of AMQP already shows it (`tls.only`). */
function amqpsRow({ amqpsUri, amqpUri }: System): readonly (readonly [string, string])[] {
  if (typeof amqpsUri !== "string" || amqpsUri === amqpUri) return [];
  return [["  with TLS", `amqps://${new URL(amqpsUri).host}`]];
}

/** @returns what a user needs to know to use the system, without its password */
export function formatSummary(system: System, stack: string, lab: boolean): string {
  const address = new URL(system.amqpUri);
  const [host] = system.brokers;
  const rows: (readonly [string, string])[] = [
    ["AMQP", `${address.protocol}//${address.host}`],
    ...amqpsRow(system),
    ...Object.entries(system.endpoints ?? {}),
    ["Management", system.managementUrl],
    ...system.brokers.map(({ name, url }) => [`  on ${name}`, url] as const),
    ...system.balancers.map(
      ({ name, url }, index) => [index === 0 ? "Statistics" : "", `${url} (${name})`] as const,
    ),
    ["User", system.adminUser],
    ["Password", `npm run -s pulumi -- stack output adminPassword --show-secrets --stack ${stack}`],
    ["Verify", npmCommand("verify", stack)],
    ["Repair", `${npmCommand("up", stack, "--repair")}   if verify finds failed checks`],
    ["Preview", `${npmCommand("preview", stack)}   after a change to ${stackFileName(stack)}`],
    ["Destroy", npmCommand("destroy", stack)],
  ];
  if (lab && host !== undefined) {
    const shell = `${labPodman} exec -it ${host.name} bash`;
    rows.push(["Shell", `${shell}   (any of the stack's hosts)`]);
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`).join("\n");
}
