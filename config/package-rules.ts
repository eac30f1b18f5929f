/** Rules on the block `packages`, which depend on the operating system. */
import type { Fault } from "./faults.ts";
import { lastRpmsForCentos7, type RpmName } from "./packages.ts";
import type { ConfigReading } from "./reading.ts";

const rpmKeys: readonly RpmName[] = ["erlang", "rabbitmq"];

/** Both RPMs, each with its SHA-256, or none: both on CentOS 7, none on systems with their own packages. */
export function packageFaults(reading: ConfigReading, os: string | undefined): Fault[] {
  if (os === undefined) return [];
  const paths = rpmKeys.flatMap((rpm) => ["url", "sha256"].map((key) => ["packages", rpm, key]));
  const given = paths.filter((path) => reading.validValue(path) !== undefined);
  if (/^(debian|ubuntu)-/.test(os)) {
    const message = `not used on ${os}, which has its own RabbitMQ package; remove it`;
    return given.map((path): Fault => ({ path, value: reading.validValue(path), message }));
  }
  const centos7 = os === "centos-7";
  if (!centos7 && given.length === 0 && !paths.some((path) => reading.hasFault(path))) return [];
  return rpmKeys.flatMap((rpm) => rpmFaults(reading, rpm, centos7 ? lastRpmsForCentos7[rpm] : undefined));
}

/** @param defaultUrl the URL if none is configured; absent: one must be configured */
function rpmFaults(reading: ConfigReading, rpm: RpmName, defaultUrl: string | undefined): Fault[] {
  const [urlPath, sumPath] = [["packages", rpm, "url"] as const, ["packages", rpm, "sha256"] as const];
  const url = reading.validValue(urlPath) ?? defaultUrl;
  const isMissing = (path: readonly string[]): boolean =>
    reading.validValue(path) === undefined && !reading.hasFault(path);
  const urlFault: Fault = {
    path: urlPath,
    message: "missing; write the URL of the RPM, or leave out both packages.erlang and packages.rabbitmq",
  };
  const sumFault: Fault = {
    path: sumPath,
    message: `missing, and an RPM is not installed unchecked; write what this prints: curl -L ${typeof url === "string" ? url : "URL"} | sha256sum`,
  };
  return [
    ...(url === undefined && isMissing(urlPath) ? [urlFault] : []),
    ...(isMissing(sumPath) ? [sumFault] : []),
  ];
}
