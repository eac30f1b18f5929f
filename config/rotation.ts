/** Rotation of users: by the name that the configuration has for one, the users that are valid in its place. */
import { z } from "zod";
import type { DefinedObject } from "../hosts/definition-objects.ts";
import { ownValue } from "../hosts/own-value.ts";
import { list, text } from "./values.ts";

/** From a user's name to the users in its place, the newest first; a user that is not rotated is not in it. */
export type Rotation = Readonly<Record<string, readonly string[]>>;

export const rotationRemedy =
  "the users that are valid in its place, the newest first, such as [orders-2, orders]";

export const rotation = z
  .record(
    z.string(),
    list(
      text("not a user's name", "one such as orders-2", () => undefined),
      rotationRemedy,
    ),
  )
  .prefault({});

const closeConnectionsRemedy = "the former administrators whose connections up may close, such as [admin]";

/** Former administrators who leave even if somebody is connected as them. */
export const closeConnections = list(
  text("not a user's name", "one such as admin", () => undefined),
  closeConnectionsRemedy,
).prefault([]);

/** @returns the users in the place of one, the newest first */
export function usersInPlaceOf(name: string, known: Rotation): readonly string[] {
  return ownValue(known, name) ?? [name];
}

/** @returns all users that are valid in the place of another one */
export function successorsIn(known: Rotation): string[] {
  return Object.entries(known).flatMap(([name, users]) => users.filter((user) => user !== name));
}

/** The message on a rotation of somebody else. */
export const noSuchUser =
  "neither rabbitmq.adminUser nor a user of the definitions; write the name of one of them, or remove the key";

/** @returns the objects with those of a rotated user once for each user in its place, without its password's hash */
export function rotatedObjects<Kind extends DefinedObject>(
  objects: readonly Kind[],
  known: Rotation,
): readonly Kind[] {
  return objects.flatMap((each): readonly Kind[] => {
    const key = { user: "name", permission: "user", topic_permission: "user" }[each.kind as string];
    const name = key === undefined ? undefined : each.fields[key];
    const users = typeof name === "string" ? ownValue(known, name) : undefined;
    if (key === undefined || users === undefined) return [each];
    const { password_hash: _, hashing_algorithm: __, ...open } = each.fields;
    return users.map((user) => ({ ...each, fields: user === name ? each.fields : { ...open, [key]: user } }));
  });
}
