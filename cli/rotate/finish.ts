/** The end of a user's rotation: who leaves, and what keeps it from leaving. */
import type { System } from "../../verify/outputs.ts";
import { shellWord } from "../../templates/render.ts";
import { npmCommand } from "../stack.ts";
import { rotateCommand, type Plan, type Rotated } from "./plan.ts";
import { listIn, withValue } from "../stack-edit.ts";
import { connectedAs, staying, type ClusterUsers } from "./users.ts";

/**
 * @returns the users that are valid and shall not be any more, and no others. After a run that ended half-way the stack's
 * file no longer names a former user of the definitions; only the name that the definitions have is known then.
 */
export function leavingUsers(
  { kind, name, users = [] }: Rotated,
  plan: Plan,
  system: Pick<System, "administrators">,
  answer: ClusterUsers,
): string[] {
  const further = plan.isWritten ? [name] : [];
  const known = kind === "administrator" ? (system.administrators ?? []) : further;
  return [...new Set([...users, ...known])].filter(
    (user) => !plan.users.includes(user) && answer.names.includes(user),
  );
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
  const known = listIn(text, ["definitions", "remove"]) ?? [];
  const more = leaving.map((user) => `user ${user}`).filter((title) => !known.includes(title));
  return more.length === 0 ? text : withValue(text, ["definitions", "remove"], [...known, ...more]);
}

export interface End extends Pick<Finish, "rotated" | "plan" | "stack" | "leaving"> {
  /** What the cluster says after `up`. */
  readonly after: ClusterUsers;
  readonly system: Pick<System, "definitions">;
}

/** @returns why the rotation has not ended although `up` has ended well; empty if it has */
export function unendedMessages(end: End): string[] {
  const left = end.leaving.filter((user) => end.after.names.includes(user));
  if (end.rotated.kind === "user") return staysAsUser(end, left);
  // An up that may not delete an administrator of its own fails.
  return left.length === 0 ? [] : [foreignMessage(left)];
}

function staysAsUser(end: End, left: readonly string[]): string[] {
  const { rotated, plan, stack, after, system } = end;
  const own = left.filter((user) => after.made.includes(user));
  const foreign = left.filter((user) => !own.includes(user));
  const others = plan.isWritten ? staying(after, system).filter((user) => !left.includes(user)) : [];
  const remedy = (users: readonly string[]): string => {
    const titles = users.map((user) => `user ${user}`).join(", ");
    return `move its clients and run this again, or, to have its connections closed, add ${titles} to definitions.remove and run: ${npmCommand("up", stack)}`;
  };
  return [
    ...(own.length === 0 ? [] : [`${own.join(", ")} stays, for the reason that up gives; ${remedy(own)}`]),
    ...(foreign.length === 0 ? [] : [foreignMessage(foreign)]),
    ...(others.length === 0
      ? []
      : [
          `${others.join(", ")} is no longer defined, and stays; if it was valid in the place of ${rotated.name}, ${remedy(others)}`,
        ]),
  ];
}

/** The stack deletes only what it has made. */
function foreignMessage(users: readonly string[]): string {
  const commands = users.map((user) => `rabbitmqctl delete_user ${shellWord(user)}`);
  return `${users.join(", ")} stays, with its password: the stack has not made it, and deletes only what it has made; delete it on a broker: ${commands.join(" && ")}`;
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
