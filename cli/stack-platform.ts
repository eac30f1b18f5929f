/** Which platform a stack is on, as its file says. It decides whether the lab's passphrase may protect its secrets. */
import { parse } from "yaml";
import { UserError } from "../user-error.ts";

const platforms = ["lab", "existing", "aws"] as const;
export type StackPlatform = (typeof platforms)[number];

/**
 * @param text the stack's file, YAML; empty if there is none
 * @returns the platform; the lab is the default, as in the configuration
 * @throws UserError if the file is not readable as a stack file, or names an unknown platform
 */
export function parsePlatform(text: string, fileName: string): StackPlatform {
  const config = asMapping(asMapping(parseYaml(text, fileName), fileName)["config"], fileName);
  // The CLI takes a key without a namespace as one of the project's own.
  const value = config["rabbitmq-ha:platform"] ?? config["platform"] ?? "lab";
  const known = platforms.find((platform) => platform === value);
  if (known !== undefined) return known;
  throw new UserError(
    `${fileName}: rabbitmq-ha:platform = ${JSON.stringify(value)}: unknown platform; write ${platforms.slice(0, -1).join(", ")} or ${platforms.at(-1) ?? ""}`,
  );
}

function parseYaml(text: string, fileName: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new UserError(`${fileName} is not valid YAML: ${error instanceof Error ? error.message : ""}`);
  }
}

function asMapping(value: unknown, fileName: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UserError(`${fileName} is not a stack file: it holds no mapping of keys, or none below config`);
}
