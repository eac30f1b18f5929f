/** Which stack arguments of the Pulumi CLI are about: the stack that they name, or the one that is selected. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { shortStackName } from "./stack-file.ts";

const root = dirname(import.meta.dirname);

/** The subcommands of `pulumi stack` whose argument is a stack's name. */
const stackVerbs = ["init", "select", "rm", "unselect"];

/**
 * @param args of the Pulumi CLI
 * @param env the CLI's environment
 * @returns the stack's name; undefined if they name none and none is selected
 */
export function meantStack(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { stack: { type: "string", short: "s" } },
    strict: false,
    allowPositionals: true,
  });
  if (typeof values.stack === "string") return shortStackName(values.stack);
  const [first, verb = "", name] = positionals;
  if (first === "stack" && stackVerbs.includes(verb) && name !== undefined) return shortStackName(name);
  const selected = env["PULUMI_STACK"] ?? selectedStack(env);
  return selected === undefined ? undefined : shortStackName(selected);
}

/** Reads what `pulumi stack select` has written: a file for each project, by its path, with a stack for each backend. */
function selectedStack(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const home = env["PULUMI_HOME"] ?? join(homedir(), ".pulumi");
  const project = createHash("sha1").update(join(root, "Pulumi.yaml")).digest("hex");
  try {
    const file = join(home, "workspaces", `rabbitmq-ha-${project}-workspace.json`);
    const workspace = JSON.parse(readFileSync(file, "utf8")) as {
      readonly stack?: string;
      readonly stacks?: Readonly<Record<string, string>>;
    };
    return workspace.stacks?.[env["PULUMI_BACKEND_URL"] ?? ""] ?? workspace.stack;
  } catch {
    return undefined;
  }
}
