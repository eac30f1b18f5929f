/** The end of a user's rotation: who leaves, and what keeps it from leaving. */
import type { System } from "../../verify/outputs.ts";
import { npmCommand } from "../stack.ts";
import { rotateCommand, type Plan, type Rotated } from "./plan.ts";
import { valueIn, withValue } from "../stack-edit.ts";
import { connectedAs, staying, type ClusterUsers } from "./users.ts";

/** @returns the users that are valid and shall not be any more, also after a run that ended half-way */
export function leavingUsers(
  { kind, users = [] }: Rotated,
  plan: Plan,
  system: Pick<System, "administrators" | "definitions">,
  answer: ClusterUsers,
): string[] {
  const known = kind === "administrator" ? (system.administrators ?? []) : staying(answer, system);
  return [...new Set([...users, ...known])].filter((user) => !plan.users.includes(user));
}

export interface Finish {
  readonly rotated: Rotated;
  readonly plan: Plan;
  readonly stack: string;
  readonly leaving: readonly string[];
  readonly answer: ClusterUsers;
  readonly closeConnections: boolean;
}

/** @returns why the former users cannot go yet; undefined if they can */
export function refusalToFinish(end: Finish): string | undefined {
  const { rotated, plan, stack, leaving, answer, closeConnections } = end;
  const missing = plan.users.filter((user) => !answer.names.includes(user));
  if (missing.length > 0)
    return `the cluster has no user ${missing.join(", ")} yet; first run: ${npmCommand("up", stack)}`;
  const connected = closeConnections ? undefined : connectedAs(leaving, answer.connections);
  if (connected === undefined) return undefined;
  const command = rotateCommand(rotated, stack, "--finish", "--close-connections");
  return `${connected}; move these clients first, or close their connections: ${command}`;
}

/** A user of the definitions goes only without connections, unless it is named in their key `remove`. */
export function withRemovable(text: string, leaving: readonly string[]): string {
  const known = (valueIn(text, ["definitions", "remove"]) ?? []) as readonly string[];
  const more = leaving.map((user) => `user ${user}`).filter((title) => !known.includes(title));
  return more.length === 0 ? text : withValue(text, ["definitions", "remove"], [...known, ...more]);
}

/** @returns what to do next once both are valid */
export function startMessage(stack: string, rotated: Rotated, { users }: Plan): string {
  const [newest = ""] = users;
  const output = rotated.kind === "administrator" ? "adminPassword" : "userPasswords";
  return [
    `${users.join(" and ")} are valid, each with its own password. That of ${newest}:`,
    `  npm run -s pulumi -- stack output ${output} --show-secrets --stack ${stack}`,
    `Once all clients log in as ${newest}: ${rotateCommand(rotated, stack, "--finish")}`,
  ].join("\n");
}
