/** The certificates of a stack's brokers: given ones, or the stack's own, kept in its state. */
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { certificatesIn, endOf, issueCertificate, makeAuthority, type Identity } from "./issue.ts";
import { nextQuarter, quarterOf } from "./renewal-quarter.ts";
import { generatedSecret } from "../secret.ts";

export interface CertificatesArgs {
  readonly clusterName: string;
  readonly brokers: readonly { readonly name: string; readonly address: string }[];
  readonly virtualAddress: string;
  /** Further DNS names and IPv4 addresses by which clients reach the brokers. */
  readonly names: readonly string[];
  /** The numbers of the stack's own authorities: clients get all of them, and the first one issues. */
  readonly authorities: readonly number[];
  /** Another number has all certificates made anew. */
  readonly renewal: number;
  /** A given authority, PEM: its certificate first, those above it after it. @default the stack's own */
  readonly ca?: string;
  readonly caKey?: pulumi.Output<string>;
  /** A given certificate for all brokers, PEM, followed by those between it and its authority. @default one for each broker */
  readonly certificate?: string;
  readonly certificateKey?: pulumi.Output<string>;
  readonly now: Date;
}

export interface Certificates {
  /** The authorities that clients trust, PEM. */
  readonly authorities: pulumi.Output<string>;
  /** By broker: its certificate, those between it and the authority, and its key, PEM. */
  readonly brokers: Readonly<Record<string, pulumi.Output<string>>>;
  /** Until when all of them are valid, as a date. */
  readonly validUntil: pulumi.Output<string>;
  /** From when the next `up` renews them, as a date; absent for given ones. */
  readonly renewedFrom?: string;
}

/** What the configuration says of TLS, and of the stack. */
interface Configured {
  readonly clusterName: string;
  readonly brokers: CertificatesArgs["brokers"];
  readonly virtualAddress: string;
  readonly secrets: { readonly tlsCaKey?: pulumi.Output<string>; readonly tlsKey?: pulumi.Output<string> };
}

type Block<Ports> = Pick<CertificatesArgs, "names" | "authorities" | "renewal" | "ca" | "certificate"> & {
  readonly only: boolean;
  readonly interNode: boolean;
  readonly ports: Ports;
};

/** @returns how the stack serves with TLS, and its certificates */
export function makeTls<Ports>(
  { secrets, clusterName, brokers, virtualAddress }: Configured,
  block: Block<Ports>,
) {
  const { tlsCaKey: caKey, tlsKey: certificateKey } = secrets;
  const { authorities, ...made } = makeCertificates({
    ...{ ...block, clusterName, brokers, virtualAddress },
    ...(caKey === undefined ? {} : { caKey }),
    ...(certificateKey === undefined ? {} : { certificateKey }),
    now: new Date(),
  });
  const { only, interNode, ports, names } = block;
  const { renewedFrom, validUntil } = made;
  const dates = { validUntil, ...(renewedFrom === undefined ? {} : { renewedFrom }) };
  return { only, interNode, ports, names, authorities, certificates: made.brokers, dates };
}

/** @returns the certificates; whatever is made anew, because its time or its names have changed, has another name in the state */
export function makeCertificates(args: CertificatesArgs): Certificates {
  const { brokers, certificate, certificateKey, ca, now } = args;
  if (certificate !== undefined && certificateKey !== undefined) {
    const text = certificateKey.apply((key) => `${withEnd(certificate)}${withEnd(key)}`);
    return {
      authorities: pulumi.output(withEnd(ca ?? certificate)),
      brokers: Object.fromEntries(brokers.map(({ name }) => [name, text])),
      validUntil: pulumi.output(dateOf(endOf(certificate))),
    };
  }
  const authority = ca === undefined ? ownAuthority(args) : givenAuthority(ca, args.caKey);
  const identities = brokers.map((broker) => issueFor(broker, authority.issuer, args));
  const open = identities.map((identity) => pulumi.unsecret(identity.apply((each) => each.certificate)));
  return {
    authorities: authority.certificates,
    brokers: Object.fromEntries(
      brokers.map(({ name }, index) => [
        name,
        pulumi
          .all([identities[index], authority.certificates])
          .apply(([identity, above]) => brokerText(identity, ca === undefined ? "" : above)),
      ]),
    ),
    validUntil: pulumi.all(open).apply((all) => dateOf(endOf(all.join("")))),
    renewedFrom: dateOf(nextQuarter(now)),
  };
}

interface Authority {
  readonly issuer: pulumi.Output<Identity>;
  readonly certificates: pulumi.Output<string>;
}

function ownAuthority({ authorities, clusterName, now }: CertificatesArgs): Authority {
  const all = authorities.map((number) =>
    kept(`tls-authority-${number}`, () => makeAuthority(`${clusterName} authority ${number}`, now)),
  );
  const open = all.map((each) => each.apply(({ certificate }) => certificate));
  const [issuer] = all;
  if (issuer === undefined) throw new Error("there is no authority");
  return { issuer, certificates: pulumi.unsecret(pulumi.all(open).apply((texts) => texts.join(""))) };
}

function givenAuthority(certificate: string, key: pulumi.Output<string> | undefined): Authority {
  if (key === undefined) throw new Error("the authority's key is missing");
  return {
    issuer: key.apply((text) => ({ certificate, key: text })),
    certificates: pulumi.output(withEnd(certificate)),
  };
}

function issueFor(
  { name, address }: CertificatesArgs["brokers"][number],
  issuer: pulumi.Output<Identity>,
  args: CertificatesArgs,
): pulumi.Output<Identity> {
  const { virtualAddress, authorities, renewal, ca, now } = args;
  const isAddress = (text: string): boolean => /^[0-9.]+$/.test(text);
  const sanNames = [name, ...args.names.filter((each) => !isAddress(each))];
  const sanAddresses = [address, virtualAddress, ...args.names.filter(isAddress)];
  const made = digest(JSON.stringify([sanNames, sanAddresses, ca ?? authorities[0], renewal]));
  return kept(`${name}-certificate-${quarterOf(now)}-${made}`, () =>
    issuer.apply((by) => issueCertificate({ issuer: by, name, sanNames, sanAddresses, now })),
  );
}

/** @returns a certificate and its key that are made once and then kept, encrypted, in the stack's state */
function kept(name: string, make: () => pulumi.Input<Identity>): pulumi.Output<Identity> {
  const text = (): pulumi.Output<string> => pulumi.output(make()).apply((made) => JSON.stringify(made));
  return generatedSecret(name, text).apply((known) => JSON.parse(known) as Identity);
}

function brokerText(identity: Identity | undefined, above: string): string {
  if (identity === undefined) throw new Error("a broker has no certificate");
  return identity.certificate + certificatesIn(above).map(withEnd).join("") + withEnd(identity.key);
}

function withEnd(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

function dateOf(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}
