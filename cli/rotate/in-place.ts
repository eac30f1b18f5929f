/** Says what `up` will do with a password, or an administrator, that was changed in place instead of rotated. */
import { ownValue } from "../../hosts/own-value.ts";
import { logSetup } from "../../toolchain/step.ts";
import type { PulumiCli } from "../run-pulumi.ts";
import { readStackFile } from "../stack-file.ts";
import { npmCommand, type StackOutputs } from "../stack.ts";
import { valueIn } from "../stack-edit.ts";
import { rotatedOf } from "./plan.ts";

/** Who logs in, and with what; a password that is not known is left out. */
export interface Logins {
  /** The newest first. */
  readonly administrators: readonly string[];
  readonly adminPassword?: string;
  readonly userPasswords?: Readonly<Record<string, string>> | null;
}

/** @returns a line for each user that is refused from the next `up` on */
export function inPlaceMessages(
  before: Logins,
  after: Logins & { readonly closeConnections?: readonly string[] },
  stack: string,
): string[] {
  const command = npmCommand("rotate", stack, "administrator");
  const [admin = ""] = after.administrators;
  const isRenamed = !before.administrators.includes(admin);
  const gone = before.administrators.filter((name) => !after.administrators.includes(name));
  const isChanged =
    !isRenamed && before.administrators[0] === admin && differ(before.adminPassword, after.adminPassword);
  return [
    ...gone.map((name) => {
      const closes = after.closeConnections?.includes(name) === true;
      const how = closes ? "and closes its connections" : "once nobody is connected as it";
      return `up deletes the administrator ${name} ${how}${isRenamed ? `; ${both(command)}` : ""}`;
    }),
    ...(isChanged
      ? [`adminPassword is another one: up refuses ${admin} with the former one; ${both(command)}`]
      : []),
    ...Object.entries(after.userPasswords ?? {})
      .filter(([name, password]) => differ(ownValue(before.userPasswords ?? {}, name), password))
      .map(
        ([name]) =>
          `userPasswords.${name} is another one: up refuses ${name} with the former one; ${both(npmCommand("rotate", stack, "user", name))}`,
      ),
  ];
}

const both = (command: string): string => `for both to be valid, take the change back and run ${command}`;

function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}

/** Writes these lines. Where something cannot be read there are none: what follows reports that. */
export async function warnOfUnrotatedChanges(
  pulumi: PulumiCli,
  stack: string,
  before: StackOutputs,
): Promise<void> {
  const file = readStackFile(stack);
  const { name, users = [name] } = rotatedOf(file, undefined);
  if (typeof before?.["adminUser"] !== "string") return;
  const known = (before["administrators"] ?? [before["adminUser"]]) as readonly string[];
  const hasPasswords = /^ *(rabbitmq-ha:)?(adminPassword|userPasswords):/m.test(file);
  const [old, now] = hasPasswords
    ? await Promise.all([
        json(pulumi, "stack", "output", "--stack", stack),
        json(pulumi, "config", "--stack", stack),
      ])
    : [{}, {}];
  const given = (key: string): unknown => {
    const entry = now[`rabbitmq-ha:${key}`] as { value?: string; objectValue?: unknown } | undefined;
    return entry?.objectValue ?? entry?.value;
  };
  const after = {
    administrators: users,
    adminPassword: given(users[0] === name ? "adminPassword" : "") as string,
    userPasswords: given("userPasswords") as Record<string, string>,
    closeConnections: (valueIn(file, ["closeConnections"]) ?? []) as readonly string[],
  };
  for (const line of inPlaceMessages({ ...(old as Partial<Logins>), administrators: known }, after, stack))
    logSetup(line);
}

async function json(pulumi: PulumiCli, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const { failed, stdout } = await pulumi.capture([...args, "--json", "--show-secrets"]);
  return failed ? {} : (JSON.parse(stdout) as Record<string, unknown>);
}
