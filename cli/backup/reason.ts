/** Whether an `up` could lose definitions, so that a backup is made before it. */
import { z } from "zod";
import { brokerServiceName, machineName } from "../../hosts/resource-names.ts";
import { resourceNameOf, type StateResource } from "../repair-plan.ts";
import { parseStackConfig } from "../stack-platform.ts";
import type { BackupReason } from "./make.ts";

const restartSuffix = "-restart";

/** @returns whether there can be a reason, which saves most runs the reading of the state */
export function mayLoseDefinitions(flags: readonly string[], stackFile: string): boolean {
  return flags.some(namesUrn) || wantedPackage(stackFile) !== undefined;
}

const namesUrn = (flag: string): boolean => flag.includes("urn:");

/**
 * @param flags of the Pulumi CLI; `--replace` names URNs
 * @param stackFile the text of the stack's file
 * @returns undefined if it replaces no broker's machine and upgrades no broker
 */
export function reasonForBackup(
  flags: readonly string[],
  stackFile: string,
  resources: readonly StateResource[],
): BackupReason | undefined {
  const names = new Set(resources.map(({ urn }) => resourceNameOf(urn)));
  const brokers = [...names].filter((name) => names.has(brokerServiceName(name.replace(/-machine$/, ""))));
  const machines = new Set(brokers.filter((name) => name.endsWith(machineName(""))));
  if (flags.some((flag) => namesUrn(flag) && machines.has(resourceNameOf(flag)))) return "replace";
  const wanted = wantedPackage(stackFile);
  if (wanted === undefined) return undefined;
  const turns = resources.filter(
    ({ urn }) =>
      resourceNameOf(urn).endsWith(restartSuffix) &&
      names.has(brokerServiceName(resourceNameOf(urn).slice(0, -restartSuffix.length))),
  );
  const isDue = turns.some(({ inputs }) => !words(inputs?.["create"]).includes(wanted));
  return isDue ? "upgrade" : undefined;
}

const statedPackage = z.object({
  rabbitmq: z.object({
    version: z.union([z.string(), z.number()]).nullish(),
    sha256: z.string().nullish(),
  }),
});

/** @returns the stated version of the brokers' package, or the checksum of a stated RPM */
function wantedPackage(stackFile: string): string | undefined {
  const settings = parseStackConfig(stackFile, "the stack's file");
  const packages = settings["rabbitmq-ha:packages"] ?? settings["packages"];
  const { version, sha256 } = statedPackage.safeParse(packages).data?.rabbitmq ?? {};
  const wanted = version ?? sha256;
  return wanted === undefined || wanted === null ? undefined : String(wanted);
}

/** @returns the words of a command line, without the quotes of a shell */
function words(command: unknown): string[] {
  return typeof command === "string" ? command.split(/\s+/).map((word) => word.replaceAll("'", "")) : [];
}
