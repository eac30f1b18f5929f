/** The block `tls`: its shape, and the rules between it and the rest. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { z } from "zod";
import type { Fault } from "./faults.ts";
import { isIpv4 } from "../hosts/network.ts";
import { defaultTlsPorts, type TlsName } from "../hosts/protocols.ts";
import { keysOf, textAt, type ConfigReading } from "./reading.ts";
import { secretMap } from "./secrets.ts";
import * as values from "./values.ts";

const pem = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const nameRemedy = "the DNS names and IPv4 addresses that clients connect to, one a line";

function nameFault(name: string): string | undefined {
  if (isIpv4(name)) return undefined;
  return /^(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9-]*[A-Za-z][A-Za-z0-9-]*$/.test(
    name,
  )
    ? undefined
    : "neither a DNS name nor an IPv4 address; write one such as rabbit.example.org";
}

function certificateFault(text: string): string | undefined {
  const found = text.match(pem) ?? [];
  if (found.length === 0)
    return "not a certificate; write the whole PEM file, from its -----BEGIN line to its -----END line, after a |";
  return found.every(isReadable)
    ? undefined
    : "not a certificate that can be read; write a PEM file of X.509";
}

function isReadable(text: string): boolean {
  try {
    return new X509Certificate(text).validTo !== "";
  } catch {
    return false;
  }
}

const certificate = values.lines("not a text", "the PEM file, after a |", certificateFault).exactOptional();

/** A key for each protocol, since a port that is not used yet may be written down too. */
const portKeys = Object.fromEntries(
  Object.entries(defaultTlsPorts).map(([name, port]) => [name, values.port.default(port)]),
) as Readonly<Record<TlsName, z.ZodDefault<typeof values.port>>>;

const number = values.wholeNumber("a number", "", 1, 999);

export const tls = z
  .strictObject({
    names: values.list(values.text("not a name", nameRemedy, nameFault), nameRemedy).default([]),
    only: values.flag("true if clients shall reach the brokers by TLS alone, or false").default(false),
    ports: z.strictObject(portKeys).prefault({}),
    authorities: values
      .list(number, "the numbers of the stack's authorities, such as [1]")
      .min(1, "empty; write the numbers of the stack's authorities, such as [1]")
      .refine((list) => new Set(list).size === list.length, "has a number twice; write each once")
      .default([1]),
    renewal: number.default(1),
    ca: certificate,
    certificate,
  })
  .exactOptional();

/** Lines of rabbitmq.conf that the program writes itself where there is TLS. */
const ownLines =
  /^(((mqtt|stomp|stream)\.)?listeners\.ssl|(ssl_options|web_(mqtt|stomp)\.ssl)\.(cacertfile|certfile|keyfile|password|versions|port|listener)|management\.ssl)(\.|$)/;

export function tlsFaults(reading: ConfigReading, today = new Date()): Fault[] {
  const has = (...path: string[]): boolean => reading.validValue(path) !== undefined;
  if (!has("tls")) {
    return ["tlsCaKey", "tlsKey"].flatMap((key) =>
      has(key)
        ? [{ path: [key], message: "set, and tls is not; write the block tls, or remove the key" }]
        : [],
    );
  }
  return [...materialFaults(reading, today), ...lineFaults(reading)];
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
