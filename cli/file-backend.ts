/**
 * Reads the locks and states of a Pulumi backend that is a folder on this computer, in a hundredth of the time that the
 * CLI takes. Returns nothing for any other backend, and for a file of unexpected form.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { hostname as localHostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PulumiCli } from "./pulumi.ts";
import type { StateResource } from "./repair-plan.ts";
import type { SecretsProvider } from "./stack-file.ts";

/** @returns the folder of a file backend; undefined for any other backend, whose locks only the backend can judge */
function backendFolder(pulumi: PulumiCli): string | undefined {
  const url = pulumi.env["PULUMI_BACKEND_URL"] ?? "";
  return url.startsWith("file:///") ? fileURLToPath(url.replace(/\?.*$/, "")) : undefined;
}

export interface Lock {
  readonly pid?: number;
  readonly hostname?: string;
}

/** @returns the locks on a stack; none if the backend is not a folder */
export function readLocks(pulumi: PulumiCli, project: string, stack: string): readonly Lock[] {
  const folder = backendFolder(pulumi);
  if (folder === undefined) return [];
  const locks = join(folder, ".pulumi", "locks", "organization", project, stack);
  if (!existsSync(locks)) return [];
  return readdirSync(locks).map((name) => JSON.parse(readFileSync(join(locks, name), "utf8")) as Lock);
}

/**
 * @returns whether the process that took the lock still runs; true for a lock of another computer, whose processes cannot
 * be seen from here
 */
export function isHolderRunning({ pid, hostname }: Lock): boolean {
  // A lock that the CLI was killed while writing names neither.
  if (hostname !== undefined && hostname !== localHostname()) return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("pulumi");
  } catch {
    return false;
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
