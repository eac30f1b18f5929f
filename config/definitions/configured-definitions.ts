/** The stack's definitions, by what else the configuration says. */
import { abilitiesOf } from "../../hosts/rabbitmq-version.ts";
import { operatingSystems } from "../../hosts/systems.ts";
import type { DefinitionContext } from "./rules.ts";
import { checkDefinitions, type CheckedDefinitions } from "./checked-definitions.ts";
import { configuredVersion, resolveQueues, type GivenQueues } from "../queues.ts";
import { keysOf, textAt, type ConfigReading } from "../reading.ts";
import { rotationOf } from "../rotation-rules.ts";
import { usersInPlaceOf } from "../rotation.ts";

/** @returns undefined if nothing is defined, or if that cannot be judged because of other faults */
export function definitionsOf(
  reading: ConfigReading,
  os: string | undefined,
): CheckedDefinitions | undefined {
  const known = operatingSystems.find((each) => each === os);
  const given = reading.validValue(["definitions"]) as Readonly<Record<string, unknown>> | undefined;
  const adminUser = textAt(reading, ["rabbitmq", "adminUser"]) ?? "";
  const rotation = rotationOf(reading);
  const administrators = [adminUser, ...usersInPlaceOf(adminUser, rotation)];
  const passwords = keysOf(reading, ["userPasswords"]).filter((name) => !administrators.includes(name));
  const isNothing = given === undefined || (Object.keys(given).length === 0 && passwords.length === 0);
  if (known === undefined || isNothing) return undefined;
  const version = configuredVersion(reading, known);
  const series = abilitiesOf(version);
  const value = (key: string): unknown => reading.validValue(["rabbitmq", key]);
  const queues = textAt(reading, ["rabbitmq", "queues"]) as GivenQueues["queues"];
  const stated = {
    ...(queues === undefined ? {} : { queues }),
    policy: (value("policy") ?? {}) as GivenQueues["policy"],
    settings: (value("settings") ?? {}) as GivenQueues["settings"],
    plugins: (value("plugins") ?? []) as GivenQueues["plugins"],
  };
  const { policy, policyAppliesTo, queueType } = resolveQueues(stated, version);
  const context: DefinitionContext = {
    adminUser,
    administrators,
    rotation,
    policy,
    policyAppliesTo,
    queueType,
    hasMirrors: series.hasMirrors,
    hasQueueTypes: series.defaultQueueType !== "none",
    passwords,
  };
  return checkDefinitions(given, context);
}
