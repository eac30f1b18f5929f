/**
 * Reads the locks and states of a Pulumi backend that is a folder on this computer, in a hundredth of the time that the
 * CLI takes. Returns nothing for any other backend, and for a file of unexpected form.
 */
import { existsSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { hostname as localHostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mayRun } from "./process-holder.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import type { StateResource } from "./repair-plan.ts";
import type { SecretsProvider } from "./stack-file.ts";

/** @returns the folder of a file backend; undefined for any other backend, whose locks only the backend can judge */
function backendFolder(pulumi: PulumiCli): string | undefined {
  const url = pulumi.env["PULUMI_BACKEND_URL"] ?? "";
  return url.startsWith("file:///") ? fileURLToPath(url.replace(/\?.*$/, "")) : undefined;
}

export interface Lock {
  readonly pid: number;
  readonly hostname: string;
}

/** @returns the locks on a stack; none if the backend is not a folder */
export function readLocks(pulumi: PulumiCli, project: string, stack: string): readonly Lock[] {
  const folder = backendFolder(pulumi);
  if (folder === undefined) return [];
  const locks = join(folder, ".pulumi", "locks", "organization", project, stack);
  if (!existsSync(locks)) return [];
  // Beside each lock may stand its metadata, in a file of its own (.attrs).
  const files = readdirSync(locks).filter((name) => name.endsWith(".json"));
  return files.map((name) => JSON.parse(readFileSync(join(locks, name), "utf8")) as Lock);
}

/** @returns whether the process that took the lock still runs, or may: one of another computer cannot be seen from here */
export function isHolderRunning({ pid, hostname }: Lock): boolean {
  return hostname !== localHostname() || mayRun(pid, (commandLine) => commandLine.includes("pulumi"));
}

/**
 * Removes the metadata files of a stack that are empty. The CLI writes one beside the state each time, not in one move:
 * killed meanwhile, it leaves an empty one, and from then on refuses to read the state ("failed to load checkpoint: EOF").
 * A missing one is no fault. It writes none to a backend whose URL says `metadata=skip` (gocloud.dev, blob/fileblob).
 */
export function removeEmptyMetadata(pulumi: PulumiCli, project: string, stack: string): void {
  const folder = backendFolder(pulumi);
  if (folder === undefined) return;
  const states = join(folder, ".pulumi", "stacks", project);
  if (!existsSync(states)) return;
  for (const name of readdirSync(states)) {
    const path = join(states, name);
    const isMetadata = name.startsWith(`${stack}.`) && name.endsWith(".attrs");
    if (isMetadata && statSync(path).size === 0) rmSync(path);
  }
}

/** The part of the output of `pulumi stack export` that is read here. */
export interface StackExport {
  readonly version?: number;
  readonly deployment?: {
    readonly pending_operations?: readonly unknown[] | null;
    readonly resources?: readonly StateResource[] | null;
    readonly secrets_providers?: SecretsProvider;
  };
}

/**
 * @returns a stack's state in the form of `pulumi stack export`, with encrypted secrets; "none" if the stack does not
 * exist; undefined if only the CLI can tell, because the backend is not a folder or stores states in another form
 */
export function readState(
  pulumi: PulumiCli,
  project: string,
  stack: string,
): StackExport | "none" | undefined {
  const folder = backendFolder(pulumi);
  if (folder === undefined || stack.includes("/")) return undefined;
  const backend = join(folder, ".pulumi");
  const states = join(backend, "stacks", project);
  try {
    // In version 1 of the backend, each project has its own folder.
    const meta = existsSync(backend) ? readFileSync(join(backend, "meta.yaml"), "utf8") : "version: 1";
    if (meta.trim() !== "version: 1") return undefined;
    const files = existsSync(states) ? readdirSync(states) : [];
    if (!files.some((name) => name.startsWith(`${stack}.`))) return "none";
    const { version, checkpoint } = JSON.parse(readFileSync(join(states, `${stack}.json`), "utf8")) as {
      readonly version?: number;
      readonly checkpoint?: { readonly latest?: StackExport["deployment"] };
    };
    // A checkpoint of version 3 has the form of an export.
    return version === 3 && checkpoint?.latest !== undefined
      ? { version, deployment: checkpoint.latest }
      : undefined;
  } catch {
    return undefined;
  }
}
