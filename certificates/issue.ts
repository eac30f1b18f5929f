/** Makes certificate authorities, and issues certificates for hosts. Everything is PEM. */
import { createPrivateKey, webcrypto, X509Certificate } from "node:crypto";
import type * as x509 from "@peculiar/x509";

/** A certificate and its private key. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate's start and end. */
interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
const dayMs = 24 * 60 * 60 * 1000;
/** The clocks of hosts and clients differ. */
const backdatedMs = 60 * 60 * 1000;

const authorityDays = 3653;
const certificateDays = 365;

/** Loaded only where a stack has TLS: it takes a fifth of a second. */
async function library(): Promise<typeof x509> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

function validity(now: Date, days: number): Validity {
  return {
    notBefore: new Date(now.getTime() - backdatedMs),
    notAfter: new Date(now.getTime() + days * dayMs),
  };
}

async function makeKeys(): Promise<{ readonly keys: webcrypto.CryptoKeyPair; readonly pem: string }> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const der = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  const pem = createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
  return { keys, pem: pem.export({ format: "pem", type: "pkcs8" }).toString() };
}

/** @returns an authority for ten years that can sign certificates of hosts, and no further authority */
export async function makeAuthority(name: string, now: Date): Promise<Identity> {
  const { X509CertificateGenerator, ...extensions } = await library();
  const { keys, pem } = await makeKeys();
  const { keyCertSign, cRLSign } = extensions.KeyUsageFlags;
  const made = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    ...validity(now, authorityDays),
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      new extensions.BasicConstraintsExtension(true, 0, true),
      new extensions.KeyUsagesExtension(keyCertSign | cRLSign, true),
      await extensions.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${made.toString("pem")}\n`, key: pem };
}

export interface Request {
  /** The authority that signs. */
  readonly issuer: Identity;
  /** The host's name, the certificate's subject. */
  readonly name: string;
  /** The subject alternative names: host names and IPv4 addresses that the certificate is for. */
  readonly sanNames: readonly string[];
  readonly sanAddresses: readonly string[];
  readonly now: Date;
}

/** @returns a certificate for a year, for both sides of a connection */
export async function issueCertificate({
  issuer,
  name,
  sanNames,
  sanAddresses,
  now,
}: Request): Promise<Identity> {
  const { X509CertificateGenerator, ...extensions } = await library();
  const { keys, pem } = await makeKeys();
  const signer = signingKey(issuer);
  const authority = new extensions.X509Certificate(firstCertificate(issuer.certificate));
  const made = await X509CertificateGenerator.create({
    subject: [{ CN: [name] }],
    issuer: authority.subjectName,
    ...validity(now, certificateDays),
    publicKey: keys.publicKey,
    signingKey: signer.key,
    signingAlgorithm: signer.algorithm,
    extensions: [
      new extensions.BasicConstraintsExtension(false, undefined, true),
      new extensions.KeyUsagesExtension(extensions.KeyUsageFlags.digitalSignature, true),
      new extensions.ExtendedKeyUsageExtension([
        extensions.ExtendedKeyUsage.serverAuth,
        extensions.ExtendedKeyUsage.clientAuth,
      ]),
      new extensions.SubjectAlternativeNameExtension([
        ...sanNames.map((value) => ({ type: "dns" as const, value })),
        ...sanAddresses.map((value) => ({ type: "ip" as const, value })),
      ]),
      await extensions.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await extensions.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  return { certificate: `${made.toString("pem")}\n`, key: pem };
}

type Algorithm = Readonly<Record<string, string>> & { readonly name: string };

/** @returns the issuer's key, and the algorithm that it signs by: a given authority's may be of RSA */
function signingKey({ key }: Identity): { readonly key: webcrypto.CryptoKey; readonly algorithm: Algorithm } {
  const plain = createPrivateKey(key);
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details = {} } = plain;
  const curve = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" }[details.namedCurve ?? ""];
  const algorithm: Algorithm =
    kind === "rsa"
      ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }
      : { name: "ECDSA", hash: "SHA-256", namedCurve: curve ?? "" };
  return { key: plain.toCryptoKey(algorithm, false, ["sign"]), algorithm };
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** @returns the certificates in a text, in their order */
export function certificatesIn(text: string): string[] {
  return text.match(pemCertificate) ?? [];
}

function firstCertificate(text: string): string {
  return certificatesIn(text)[0] ?? "";
}

/** @returns the earliest end of the certificates in a text */
export function endOf(text: string): Date {
  const ends = certificatesIn(text).map((each) => Date.parse(new X509Certificate(each).validTo));
  return new Date(Math.min(...ends));
}
