/** The block `tls`: its shape. */
import { X509Certificate } from "node:crypto";
import { z } from "zod";
import { isIpv4 } from "../hosts/network.ts";
import { defaultTlsPorts, type TlsName } from "../hosts/protocol-ports.ts";
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
    interNode: values
      .flag("true if the brokers shall speak TLS with each other, too, or false")
      .default(false),
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
