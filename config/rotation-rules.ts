/** Rules on `rotation`: who is rotated, and by whom. */
import type { Fault } from "./faults.ts";
import { keysOf, textAt, type ConfigReading } from "./reading.ts";
import { noSuchUser, rotationRemedy, usersInPlaceOf, type Rotation } from "./rotation.ts";
import { userName } from "./values.ts";

/** @returns the rotations without a fault, by name */
export function rotationOf(reading: ConfigReading): Rotation {
  const pairs = keysOf(reading, ["rotation"]).flatMap((name) => {
    const users = reading.validValue(["rotation", name]);
    return Array.isArray(users) ? [[name, users as readonly string[]] as const] : [];
  });
  return Object.fromEntries(pairs);
}

/** @returns the faults of `rotation` by itself and with the administrator; those with the definitions are theirs */
export function rotationFaults(reading: ConfigReading, isDefining: boolean): Fault[] {
  const adminUser = textAt(reading, ["rabbitmq", "adminUser"]);
  const known = rotationOf(reading);
  const seen = new Map<string, string>();
  return Object.entries(known).flatMap(([name, users]): Fault[] => {
    const fault = (message: string, value: unknown = users): Fault => ({
      path: ["rotation", name],
      value,
      message,
    });
    if (users.length === 0) return [fault(`names nobody; write ${rotationRemedy}, or remove the key`)];
    const isAnybody = name === adminUser || adminUser === undefined || isDefining;
    return [
      ...(isAnybody ? [] : [fault(noSuchUser)]),
      ...users.flatMap((user) => {
        const other = seen.get(user);
        seen.set(user, name);
        return other === undefined ? [] : [fault(`has ${user}, and so has ${other}; write each user once`)];
      }),
      ...users.flatMap((user) => nameFaults(user, name, adminUser).map((message) => fault(message))),
    ];
  });
}

/** @returns a fault for each administrator to be whose connections would be closed at the end of a later rotation */
export function closingFaults(reading: ConfigReading): Fault[] {
  const adminUser = textAt(reading, ["rabbitmq", "adminUser"]);
  const closing = reading.validValue(["closeConnections"]);
  if (adminUser === undefined || !Array.isArray(closing)) return [];
  const valid = usersInPlaceOf(adminUser, rotationOf(reading));
  return (closing as readonly string[]).flatMap((user, index) =>
    valid.includes(user)
      ? [
          {
            path: ["closeConnections", index],
            value: user,
            message: "an administrator; write a former one, or remove it",
          },
        ]
      : [],
  );
}

function nameFaults(user: string, name: string, adminUser: string | undefined): string[] {
  if (user === name) return [];
  if (user === adminUser) return [`has the administrator ${user}; write another name`];
  const { error } = userName.safeParse(user);
  return error === undefined ? [] : [`has ${JSON.stringify(user)}: ${error.issues[0]?.message ?? ""}`];
}
