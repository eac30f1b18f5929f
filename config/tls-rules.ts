/** The rules between the block `tls` and the rest. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readTerms } from "./erlang-terms.ts";
import type { Fault } from "./faults.ts";
import { keysOf, textAt, type ConfigReading } from "./reading.ts";
import { secretMap } from "./secrets.ts";

/** Lines of rabbitmq.conf that the program writes itself where there is TLS. */
const ownLines =
  /^(((mqtt|stomp|stream)\.)?listeners\.ssl|(ssl_options|web_(mqtt|stomp)\.ssl)\.(cacertfile|certfile|keyfile|password|versions|port|listener)|management\.ssl)(\.|$)/;

const ownTerms = /^inet_dist_(connect|listen)_options$/;

export function tlsFaults(reading: ConfigReading, today = new Date()): Fault[] {
  const has = (...path: string[]): boolean => reading.validValue(path) !== undefined;
  if (!has("tls")) {
    return ["tlsCaKey", "tlsKey"].flatMap((key) =>
      has(key)
        ? [{ path: [key], message: "set, and tls is not; write the block tls, or remove the key" }]
        : [],
    );
  }
  return [...materialFaults(reading, today), ...lineFaults(reading), ...interNodeFaults(reading)];
}

/** With TLS between brokers each of them has to show a certificate for its own name, to both sides. */
function interNodeFaults(reading: ConfigReading): Fault[] {
  const path = ["tls", "interNode"];
  if (reading.validValue(path) !== true) return [];
  if (textAt(reading, ["tls", "certificate"]) === undefined) return distributionFaults(reading);
  const message =
    "true beside tls.certificate, which is not for each broker's own name; give tls.ca, which issues one for each, or remove one of them";
  return [{ path, message }, ...distributionFaults(reading)];
}

/** Terms of kernel that the program writes itself where brokers speak TLS with each other (hosts/distribution.ts). */
function distributionFaults(reading: ConfigReading): Fault[] {
  const path = ["rabbitmq", "advanced"];
  const text = textAt(reading, path)?.trim() ?? "";
  if (text === "") return [];
  return readTerms(text)
    .settings.filter(({ application, key }) => application === "kernel" && ownTerms.test(key))
    .map(({ key, line }) => ({
      path,
      message: `line ${String(line)}: ${key} of kernel: with tls.interNode the program writes it itself; remove it`,
    }));
}

function materialFaults(reading: ConfigReading, today: Date): Fault[] {
  const paths = { ca: ["tls", "ca"], certificate: ["tls", "certificate"] } as const;
  const [ca, own] = [textAt(reading, paths.ca), textAt(reading, paths.certificate)];
  const [caKey, key] = [textAt(reading, ["tlsCaKey"]), textAt(reading, ["tlsKey"])];
  const faults: (Fault | undefined)[] = [
    own !== undefined ? pairFault(paths.certificate, own, "tlsKey", key, reading) : undefined,
    own === undefined && ca !== undefined ? pairFault(paths.ca, ca, "tlsCaKey", caKey, reading) : undefined,
    own === undefined && key !== undefined
      ? {
          path: ["tlsKey"],
          message: "without tls.certificate; write the certificate of this key, or remove the key",
        }
      : undefined,
    caKey !== undefined && (ca === undefined || own !== undefined)
      ? {
          path: ["tlsCaKey"],
          message:
            ca === undefined
              ? "without tls.ca; write the certificate of this key, or remove the key"
              : "not used beside tls.certificate, which is given and not issued; remove one of them",
        }
      : undefined,
    own === undefined && ca !== undefined && !new X509Certificate(ca).ca
      ? { path: paths.ca, message: "not the certificate of an authority; write one that may sign others" }
      : undefined,
    ...[paths.ca, paths.certificate].map((path) => endFault(path, textAt(reading, path), today)),
  ];
  return faults.filter((fault) => fault !== undefined);
}

function pairFault(
  path: readonly string[],
  text: string,
  keyName: string,
  key: string | undefined,
  reading: ConfigReading,
): Fault | undefined {
  if (reading.hasFault([keyName])) return undefined;
  const set = `npm run -s pulumi -- config set --secret ${keyName} < FILE`;
  if (key === undefined) return { path, message: `without its private key; give it by ${set}` };
  if (new X509Certificate(text).checkPrivateKey(createPrivateKey(key))) return undefined;
  return { path, message: `not the certificate of the key ${keyName}; give both of one pair` };
}

function endFault(path: readonly string[], text: string | undefined, today: Date): Fault | undefined {
  if (text === undefined) return undefined;
  const end = new X509Certificate(text).validToDate;
  if (end > today) return undefined;
  return { path, message: `ended on ${end.toISOString().slice(0, 10)}; write one that is valid` };
}

function lineFaults(reading: ConfigReading): Fault[] {
  return [["rabbitmq", "settings"], [...secretMap]].flatMap((path) =>
    keysOf(reading, path)
      .filter((key) => ownLines.test(key))
      .map((key) => ({
        path: [...path, key],
        message: "the program writes this line itself where there is tls; remove one of them",
      })),
  );
}
