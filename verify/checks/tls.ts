/** Checks what each endpoint with TLS shows: its certificate's chain, names and dates, and the versions that it accepts. */
import { once } from "node:events";
import { connect as connectPlain, isIPv4, type Socket } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { combineVerdicts, fail, type Finding, needsOperator, runCheck, type Verdict } from "../finding.ts";
import type { System } from "../outputs.ts";
import { keepalivedServiceNames } from "./resources.ts";
import { protocols } from "../../hosts/protocol-ports.ts";
import { brokerCertificatesName, haproxyServiceName } from "../../hosts/resource-names.ts";

const timeoutMs = 8000;
const dayMs = 24 * 60 * 60 * 1000;
/** So many days before a certificate's end it is reported. */
const warningDays = 30;

/** What an endpoint shows of its certificate. */
export interface ShownCertificate {
  /** Why it is not trusted, as OpenSSL says it. */
  readonly distrust?: string;
  /** The wanted names and addresses that it is not for. */
  readonly missingNames: readonly string[];
  readonly end: Date;
  readonly protocol: string;
}

export interface Advice {
  /** The resources that show it anew. */
  readonly resources: readonly string[];
  /** From when `up` renews the certificates; absent for given ones. */
  readonly renewedFrom?: string | undefined;
}

export function judgeCertificate(
  { distrust, missingNames, end, protocol }: ShownCertificate,
  { resources, renewedFrom }: Advice,
  now: Date,
): Verdict {
  const date = end.toISOString().slice(0, 10);
  const days = Math.floor((end.getTime() - now.getTime()) / dayMs);
  const renewal = renewedFrom === undefined ? "give a new tls.certificate" : "run up, which renews it";
  const problems: Verdict[] = [];
  if (days < 0) problems.push(needsOperator(`its certificate ended on ${date}`, renewal));
  else if (distrust !== undefined)
    problems.push(fail(`its certificate is not trusted: ${distrust}`, ...resources));
  if (days >= 0 && days < warningDays)
    problems.push(needsOperator(`its certificate ends in ${days} days, on ${date}`, renewal));
  if (missingNames.length > 0)
    problems.push(fail(`its certificate is not for ${missingNames.join(", ")}`, ...resources));
  if (!["TLSv1.2", "TLSv1.3"].includes(protocol)) problems.push(fail(`it speaks ${protocol}`, ...resources));
  return combineVerdicts(problems, `${protocol}, trusted, until ${date}`);
}

interface Endpoint {
  readonly subject: string;
  readonly host: string;
  readonly port: number;
  readonly resources: readonly string[];
  /** Whether a client first says its own address there, by the PROXY protocol. */
  readonly expectsHeader: boolean;
}

export async function examineTls(system: System): Promise<Finding[]> {
  const { expected, virtualAddress, brokers, balancers, caCertificate } = system;
  const tls = expected?.tls;
  if (tls === undefined) return [];
  const address = [
    ...keepalivedServiceNames(system),
    ...balancers.map(({ name }) => haproxyServiceName(name)),
  ];
  const endpoints = Object.entries(tls.ports).flatMap(([protocol, port]): Endpoint[] => [
    { subject: "virtual address", host: virtualAddress, port, resources: address, expectsHeader: false },
    ...(isForOperators(protocol) ? brokers : []).map(({ name, address: host }) => ({
      ...{ subject: name, host, port },
      expectsHeader: expected?.proxyProtocol === true && port === tls.ports["amqp"],
      resources: [brokerCertificatesName(name)],
    })),
  ]);
  // A given certificate may be for names alone.
  const names =
    tls.renewedFrom === undefined && tls.names.length > 0 ? tls.names : [virtualAddress, ...tls.names];
  return Promise.all(
    endpoints.map((endpoint) =>
      runCheck(`TLS ${endpoint.port}`, endpoint.subject, endpoint.resources, async () => {
        const shown = await look(endpoint, caCertificate ?? "", names);
        const verdict = judgeCertificate(shown, { ...endpoint, renewedFrom: tls.renewedFrom }, new Date());
        if (!verdict.ok || !(await acceptsOldTls(endpoint))) return verdict;
        return fail("it accepts TLS 1.1", ...endpoint.resources);
      }),
    ),
  );
}

/** Whether the firewalls let an operator reach a protocol at the brokers themselves. All ports of one show the same file. */
function isForOperators(name: string): boolean {
  return protocols.some((protocol) => protocol.name === name && protocol.from.includes("operators"));
}

async function look(endpoint: Endpoint, ca: string, names: readonly string[]): Promise<ShownCertificate> {
  const socket = await open(endpoint, { ca, checkServerIdentity: () => undefined });
  try {
    const shown = socket.getPeerX509Certificate();
    if (shown === undefined) throw new Error("it shows no certificate");
    const isFor = (name: string): boolean =>
      (isIPv4(name) ? shown.checkIP(name) : shown.checkHost(name)) !== undefined;
    const distrust = socket.authorized ? {} : { distrust: String(socket.authorizationError) };
    return {
      ...distrust,
      missingNames: names.filter((name) => !isFor(name.replace(/^\*\./, "any."))),
      end: shown.validToDate,
      protocol: socket.getProtocol() ?? "no TLS",
    };
  } finally {
    socket.destroy();
  }
}

async function acceptsOldTls(endpoint: Endpoint): Promise<boolean> {
  // Node offers TLS 1.1 only at OpenSSL's lowest level of security.
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" } as const;
  try {
    (await open(endpoint, old)).destroy();
    return true;
  } catch {
    return false;
  }
}

async function open({ host, port, expectsHeader }: Endpoint, options: ConnectionOptions): Promise<TLSSocket> {
  const signal = AbortSignal.timeout(timeoutMs);
  const plain = connectPlain({ host, port });
  try {
    await once(plain, "connect", { signal });
    if (expectsHeader) plain.write(proxyHeader(plain));
    const socket = connect({ socket: plain, host, rejectUnauthorized: false, ...options });
    await once(socket, "secureConnect", { signal });
    return socket;
  } catch (error) {
    plain.destroy();
    throw error;
  }
}

/** @returns the PROXY protocol's header in its first version, with the connection's own ends */
export function proxyHeader({
  localAddress,
  remoteAddress,
  localPort,
  remotePort,
}: Pick<Socket, "localAddress" | "remoteAddress" | "localPort" | "remotePort">): string {
  return `PROXY TCP4 ${localAddress} ${remoteAddress} ${localPort} ${remotePort}\r\n`;
}
