/** What a rotation of a user changes in the stack's file. */
import { defaultAdminUser } from "../../hosts/users.ts";
import { UserError } from "../../user-error.ts";
import { npmCommand } from "../stack.ts";
import { listIn, valueIn } from "../stack-edit.ts";

/** A user, by the name that the configuration has for it, and who is valid in its place. */
export interface Rotated {
  readonly kind: "administrator" | "user";
  readonly name: string;
  /** The newest first; undefined if it has never been rotated. */
  readonly users: readonly string[] | undefined;
}

/** What becomes of it. */
export interface Plan {
  /** The newest first. */
  readonly users: readonly string[];
  /** Whether the stack's file says so already, as after a run that was killed. */
  readonly isWritten: boolean;
}

/**
 * @returns the administrator, or the user of the definitions that has this name or is valid in its place
 * @throws UserError if the file names those in its place otherwise than by a list
 */
export function rotatedOf(text: string, user: string | undefined): Rotated {
  const known = (valueIn(text, ["rotation"]) ?? {}) as Readonly<Record<string, unknown>>;
  const given = valueIn(text, ["rabbitmq", "adminUser"]);
  const admin = typeof given === "string" ? given : defaultAdminUser;
  const isMeant = ([name, users]: readonly [string, unknown]): boolean =>
    user !== undefined && Array.isArray(users) && name !== admin && users.includes(user);
  const name = user === undefined ? admin : (Object.entries(known).find(isMeant)?.[0] ?? user);
  const kind = name === admin ? "administrator" : "user";
  return { kind, name, users: listIn(text, ["rotation", name]) };
}

/** @returns the command line of a rotation */
export function rotateCommand({ kind, name }: Rotated, stack: string, ...flags: readonly string[]): string {
  return npmCommand("rotate", stack, kind, ...(kind === "user" ? [name] : []), ...flags);
}

/**
 * @param name of the new user; absent: the user's with the quarter
 * @throws UserError if another rotation of it is under way, or the name is taken
 */
export function planStart(rotated: Rotated, name: string | undefined, today: Date, stack: string): Plan {
  const users = rotated.users ?? [rotated.name];
  if (users.length > 1) {
    if (name === undefined || name === users[0]) return { users, isWritten: true };
    throw new UserError(
      `nothing was changed: ${users.join(" and ")} are valid in the place of ${rotated.name}; first end that: ${rotateCommand(rotated, stack, "--finish")}`,
    );
  }
  const wanted = name ?? freeName(rotated.name, users, today);
  if (users.includes(wanted))
    throw new UserError(`nothing was changed: ${wanted} is in use; give another --name`);
  return { users: [wanted, ...users], isWritten: false };
}

/** @throws UserError if there is nothing to end */
export function planFinish(rotated: Rotated, stack: string): Plan {
  const { users, name } = rotated;
  if (users === undefined || users.length === 0)
    throw new UserError(
      `nothing was changed: no rotation of ${name} has begun; begin one: ${rotateCommand(rotated, stack)}`,
    );
  return { users: users.slice(0, 1), isWritten: users.length === 1 };
}

function freeName(name: string, used: readonly string[], today: Date): string {
  const quarter = `${today.getUTCFullYear()}q${Math.floor(today.getUTCMonth() / 3) + 1}`;
  const base = `${name.replace(/-\d{4}q[1-4](-\d+)?$/, "")}-${quarter}`;
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? base : `${base}-${number}`;
    if (!used.includes(candidate) && candidate !== name) return candidate;
  }
}
