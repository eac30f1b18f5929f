/**
 * A backend that is a folder on this computer: its locks, and its states, which are read here in a hundredth of the time
 * that the CLI takes to say the same. Of every other backend, and of a file that is not as expected, this says nothing.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Pulumi } from "./pulumi.ts";
import type { StateResource } from "./repair-plan.ts";
import type { SecretsProvider } from "./stack-file.ts";

/** The folder of a file backend; undefined for every other backend, whose locks are not ours to judge. */
function backendFolder(pulumi: Pulumi): string | undefined {
  const url = pulumi.env["PULUMI_BACKEND_URL"] ?? "";
  return url.startsWith("file:///") ? fileURLToPath(url.replace(/\?.*$/, "")) : undefined;
}

export interface Lock {
  readonly pid: number;
  readonly hostname: string;
}

/** @returns the locks that somebody holds on a stack; none where the backend is no folder */
export function locksOf(pulumi: Pulumi, project: string, stack: string): readonly Lock[] {
  const folder = backendFolder(pulumi);
  if (folder === undefined) return [];
  const locks = join(folder, ".pulumi", "locks", "organization", project, stack);
  if (!existsSync(locks)) return [];
  return readdirSync(locks).map((name) => JSON.parse(readFileSync(join(locks, name), "utf8")) as Lock);
}

export function alive({ pid }: Lock): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("pulumi");
  } catch {
    return false;
  }
}

/** A stack's state as `pulumi stack export` gives it, as far as it is read here. */
export interface Export {
  readonly version?: number;
  readonly deployment?: {
    readonly pending_operations?: readonly unknown[] | null;
    readonly resources?: readonly StateResource[] | null;
    readonly secrets_providers?: SecretsProvider;
  };
}

/**
 * @returns a stack's state in the form of `pulumi stack export`, secrets encrypted; "none" where there is no such stack;
 * undefined where that has to be asked for, because the backend is no folder, or holds states in another form
 */
export function stateOf(pulumi: Pulumi, project: string, stack: string): Export | "none" | undefined {
  const folder = backendFolder(pulumi);
  if (folder === undefined || stack.includes("/")) return undefined;
  const backend = join(folder, ".pulumi");
  const states = join(backend, "stacks", project);
  try {
    // 1 is the version in which each project has a folder of its own.
    const meta = existsSync(backend) ? readFileSync(join(backend, "meta.yaml"), "utf8") : "version: 1";
    if (meta.trim() !== "version: 1") return undefined;
    const kept = existsSync(states) ? readdirSync(states) : [];
    if (!kept.some((name) => name.startsWith(`${stack}.`))) return "none";
    const { version, checkpoint } = JSON.parse(readFileSync(join(states, `${stack}.json`), "utf8")) as {
      readonly version?: number;
      readonly checkpoint?: { readonly latest?: Export["deployment"] };
    };
    // 3 is the version whose form is that of an export.
    return version === 3 && checkpoint?.latest !== undefined
      ? { version, deployment: checkpoint.latest }
      : undefined;
  } catch {
    return undefined;
  }
}
