/** Rules on `packages.rabbitmq.repository` and the keys that belong to it. */
import { seriesNameOf } from "../hosts/rabbitmq-series.ts";
import { operatingSystems, systems } from "../hosts/systems.ts";
import type { Fault } from "./faults.ts";
import { teamRabbitmq } from "./packages.ts";
import { textAt, type ConfigReading } from "./reading.ts";

const block = ["packages", "rabbitmq"];

/** @returns what is missing for the repository, what contradicts it, and what is of no use without it */
export function repositoryFaults(reading: ConfigReading, os: string | undefined): Fault[] {
  const path = [...block, "repository"];
  const known = operatingSystems.find((each) => each === os);
  if (reading.hasFault(path) || known === undefined) return [];
  const repository = textAt(reading, path);
  if (repository === undefined) return strayFaults(reading);
  const fault = (key: string, message: string): Fault => {
    const value = reading.validValue([...block, key]);
    return { path: [...block, key], ...(value === undefined ? {} : { value }), message };
  };
  const has = (key: string): boolean => {
    const value = reading.validValue([...block, key]);
    return value !== undefined && value !== false;
  };
  const isTeams = repository === teamRabbitmq;
  return [
    ...(known === "centos-7"
      ? [fault("repository", "not used on centos-7, whose last RPMs are in none; remove it")]
      : systems[known].repository === undefined && !has("flat")
        ? [
            fault(
              "repository",
              `Team RabbitMQ has no packages for ${known}; write a URL of yours, and flat: true`,
            ),
          ]
        : []),
    ...(has("url") ? [fault("repository", "set, and so is packages.rabbitmq.url; remove one of them")] : []),
    ...(isTeams
      ? ["flat", "key", "trusted"]
          .filter(has)
          .map((key) => fault(key, `not used with ${teamRabbitmq}; remove it`))
      : signatureFaults(has, fault)),
    ...seriesFaults(reading, fault),
  ];
}

type FaultOf = (key: string, message: string) => Fault;

function signatureFaults(has: (key: string) => boolean, fault: FaultOf): Fault[] {
  if (has("key") && has("trusted")) return [fault("trusted", "set, and so is the key; remove one of them")];
  if (!has("flat") || has("key") || has("trusted")) return [];
  return [
    fault("key", "missing; write the url and the fingerprint of the key that signs it, or trusted: true"),
  ];
}

function seriesFaults(reading: ConfigReading, fault: FaultOf): Fault[] {
  const [series, version] = ["series", "version"].map((key) => textAt(reading, [...block, key]));
  if (reading.hasFault([...block, "series"]) || reading.hasFault([...block, "version"])) return [];
  if (series === undefined) {
    return version === undefined
      ? [fault("series", 'missing; write the series to install, such as "4.2", or packages.rabbitmq.version')]
      : [];
  }
  if (version === undefined || seriesNameOf(version) === series) return [];
  return [fault("series", `packages.rabbitmq.version is ${version}, of another series; correct one of them`)];
}

function strayFaults(reading: ConfigReading): Fault[] {
  return ["series", "flat", "key", "trusted"].flatMap((key) => {
    const value = reading.validValue([...block, key]);
    if (value === undefined || value === false) return [];
    const message = "of no use without packages.rabbitmq.repository; write that too, or remove it";
    return [{ path: [...block, key], value, message }];
  });
}
