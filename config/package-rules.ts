/** What the values of the block `packages` have to be to each other and to the system. */
import type { Fault } from "./faults.ts";
import { lastForCentos7, type Rpm } from "./packages.ts";
import type { Reading } from "./reading.ts";

const rpmKeys: readonly Rpm[] = ["erlang", "rabbitmq"];

/** Both RPMs, each with its sum, or none: for CentOS 7 both, and for systems with packages of their own none. */
export function packageFaults(reading: Reading, os: string | undefined): Fault[] {
  if (os === undefined) return [];
  const given = rpmKeys.flatMap((rpm) => ["url", "sha256"].map((key) => ["packages", rpm, key]));
  const stated = given.filter((path) => reading.sound(path) !== undefined);
  if (/^(debian|ubuntu)-/.test(os)) {
    const words = `of no use to ${os}, which has RabbitMQ among its own packages; remove it`;
    return stated.map((path) => ({ path, value: reading.sound(path), words }));
  }
  const centos7 = os === "centos-7";
  if (!centos7 && stated.length === 0 && !given.some((path) => reading.faulty(path))) return [];
  return rpmKeys.flatMap((rpm) => rpmFaults(reading, rpm, centos7 ? lastForCentos7[rpm] : undefined));
}

/** @param usual the URL where none is given; absent: one has to be */
function rpmFaults(reading: Reading, rpm: Rpm, usual: string | undefined): Fault[] {
  const [urlPath, sumPath] = [["packages", rpm, "url"] as const, ["packages", rpm, "sha256"] as const];
  const url = reading.sound(urlPath) ?? usual;
  const lacks = (path: readonly string[]): boolean =>
    reading.sound(path) === undefined && !reading.faulty(path);
  return [
    ...(url === undefined && lacks(urlPath)
      ? [
          {
            path: urlPath,
            words:
              "missing; write where the RPM lies, or leave out both packages.erlang and packages.rabbitmq",
          },
        ]
      : []),
    ...(lacks(sumPath)
      ? [
          {
            path: sumPath,
            words: `missing, and nothing is installed that was not checked; write what this prints: curl -L ${typeof url === "string" ? url : "URL"} | sha256sum`,
          },
        ]
      : []),
  ];
}
