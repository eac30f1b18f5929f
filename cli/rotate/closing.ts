/** Says in the stack's file whose connections `up` may close when a rotation ends. */
import { runOn } from "../../remote/ssh.ts";
import { UserError } from "../../user-error.ts";
import { reasonOf } from "../../verify/cause.ts";
import { findLogin } from "../../verify/checks/hosts.ts";
import type { System } from "../../verify/outputs.ts";
import { buildRootCommand } from "../root-command.ts";
import { listIn, withValue } from "../stack-edit.ts";
import { withRemovable } from "./finish.ts";
import type { Plan, Rotated } from "./plan.ts";

interface Hosts extends Pick<System, "ssh"> {
  /** The first one's host is asked. */
  readonly brokers: readonly { readonly name: string }[];
}

/**
 * @param leaving the users that the stack's file and outputs know; a run that ended half-way may have left further ones
 * @returns the users whose connections `up` may close
 * @throws UserError if the first broker's host does not say whom the stack has made administrator
 */
export async function closingUsers(
  hosts: Hosts,
  { kind }: Rotated,
  { users }: Plan,
  leaving: readonly string[],
): Promise<readonly string[]> {
  if (kind === "user") return leaving;
  const made = await madeAdministrators(hosts);
  return [...new Set([...leaving, ...made])].filter((user) => !users.includes(user));
}

/** They are noted on the host where the step runs, until they are deleted (agent/steps/admin.py). */
async function madeAdministrators({ brokers, ssh }: Hosts): Promise<string[]> {
  const name = brokers[0]?.name ?? "";
  try {
    const login = findLogin({ ssh }, name);
    const text = await runOn(login, { command: buildRootCommand(login, "cat /var/lib/rabbitmq-ha/admin") });
    return text.split("\n").filter((line) => line !== "");
  } catch (error) {
    throw new UserError(
      `nothing was changed: ${name} does not say which administrators the stack has made: ${reasonOf(error)}`,
    );
  }
}

/** An administrator goes only without connections, unless the key `closeConnections` names it. */
export function withClosing(text: string, { kind }: Rotated, leaving: readonly string[]): string {
  if (kind === "user") return withRemovable(text, leaving);
  const known = listIn(text, ["closeConnections"]) ?? [];
  const more = leaving.filter((user) => !known.includes(user));
  return more.length === 0 ? text : withValue(text, ["closeConnections"], [...known, ...more]);
}
