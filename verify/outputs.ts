/** The system as the stack's outputs describe it. `verify` uses nothing else of the stack's state. */
import { z } from "zod";
import { UserError } from "../user-error.ts";

const host = z.object({ name: z.string(), address: z.string() });
const sshEndpoint = z.object({
  host: z.string(),
  port: z.number(),
  user: z.string(),
  privateKey: z.string(),
  hostKey: z.string().optional(),
});
const login = z.object({
  name: z.string(),
  ...sshEndpoint.shape,
  proxy: sshEndpoint.optional(),
  /** The id in the machine's mark; absent where the stack has made the machine, and in outputs of earlier releases. */
  stackId: z.string().optional(),
});
/** What the running brokers are compared with. */
const expected = z.object({
  plugins: z.array(z.string()),
  netTickTime: z.number(),
  partitionHandling: z.string(),
  /** Whether HAProxy asks the brokers' hosts for alarms (`haproxy.avoidAlarms`). */
  agentCheck: z.boolean(),
  /** The proxies in the balancers' HAProxy; absent in the outputs of earlier releases. */
  proxies: z.array(z.string()).optional(),
  /** The brokers in the balancers' HAProxy; absent where they are the stack's own. */
  servers: z.array(z.string()).optional(),
  /** The type of a queue that is declared without one; absent in the outputs of earlier releases. */
  queueType: z.string().optional(),
  /** Absent for the first cookie. */
  cookieRenewal: z.number().optional(),
  /** Whether the brokers see each client's own address; absent where not. */
  proxyProtocol: z.boolean().optional(),
  /** Absent where no protocol is served with TLS. */
  tls: z
    .object({
      ports: z.record(z.string(), z.number()),
      /** The names that were configured for the certificates. */
      names: z.array(z.string()),
      /** Whether the brokers speak TLS with each other; absent where not. */
      interNode: z.boolean().optional(),
      validUntil: z.string(),
      /** From when `up` renews the certificates; absent for given ones. */
      renewedFrom: z.string().optional(),
    })
    .optional(),
});
export type Expected = Readonly<z.infer<typeof expected>>;
const outputs = z.object({
  clusterName: z.string(),
  brokers: z.array(host).min(1),
  balancers: z.array(host).min(1),
  /** HAProxy's algorithm; absent in the outputs of earlier releases. */
  balance: z.string().nullish(),
  virtualAddress: z.string(),
  amqpUri: z.url(),
  /** Null or absent without TLS. */
  amqpsUri: z.url().nullish(),
  /** The authorities that clients trust, PEM; null or absent without TLS. */
  caCertificate: z.string().nullish(),
  managementUrl: z.url(),
  /** In the order of the brokers. */
  managementUrls: z.array(z.url()).min(1),
  /** In the order of the balancers. */
  statsUrls: z.array(z.url()).min(1),
  /** Where further protocols are reached; absent in the outputs of earlier releases. */
  endpoints: z.record(z.string(), z.string()).optional(),
  adminUser: z.string(),
  /** All that are valid, the newest first; absent in the outputs of earlier releases. */
  administrators: z.array(z.string()).optional(),
  adminPassword: z.string(),
  /** Absent in the outputs of earlier releases, whose policy has the name of mirrored queues with RabbitMQ 4, too. */
  queues: z.enum(["mirrored", "quorum"]).optional(),
  policy: z.object({ name: z.string(), pattern: z.string(), definition: z.record(z.string(), z.unknown()) }),
  ssh: z.array(login),
  /** Absent in a stack whose last `up` was that of an earlier release. */
  expected: expected.optional(),
  /** Present only where the statistics pages require a password. */
  statsPassword: z.string().nullish(),
  /** What is defined, one line for each object, and the hashes of passwords by user. */
  definitions: z
    .object({
      lines: z.array(z.string()),
      hashes: z.record(z.string(), z.object({ password_hash: z.string(), hashing_algorithm: z.string() })),
    })
    .nullish(),
  userPasswords: z.record(z.string(), z.string()).nullish(),
});

/** The SSH login of one host. */
export type Login = Readonly<z.infer<typeof login>>;

export interface Broker {
  readonly name: string;
  readonly address: string;
  /** The URL of its management UI and API. */
  readonly url: string;
}

export interface Balancer {
  readonly name: string;
  readonly address: string;
  /** The URL of its statistics page. */
  readonly url: string;
}

export interface System extends Readonly<Omit<z.infer<typeof outputs>, "brokers" | "balancers">> {
  readonly brokers: readonly Broker[];
  readonly balancers: readonly Balancer[];
}

/** Adds to each host its URL; the two lists have the same order. */
function withUrls(hosts: readonly z.infer<typeof host>[], urls: readonly string[], output: string): Broker[] {
  if (hosts.length !== urls.length) {
    throw new UserError(
      `the stack's outputs have ${hosts.length} hosts and ${urls.length} ${output}; run "npm run up" first`,
    );
  }
  return hosts.map((each, index) => ({ ...each, url: urls[index] ?? "" }));
}

/**
 * @param json what `pulumi stack output --json --show-secrets` prints
 * @returns undefined where the stack has no outputs at all, as after a destroy
 * @throws UserError that lists the missing and malformed outputs, without their values
 */
export function readOutputs(json: string, stack: string): System | undefined {
  const found: unknown = JSON.parse(json);
  if (typeof found === "object" && found !== null && Object.keys(found).length === 0) return undefined;
  const { success, data, error } = outputs.safeParse(found);
  if (!success) {
    const faults = error.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`);
    throw new UserError(
      `the outputs of stack ${stack} are incomplete or malformed; run "npm run up" first:\n  ${faults.join("\n  ")}`,
    );
  }
  return {
    ...data,
    brokers: withUrls(data.brokers, data.managementUrls, "managementUrls"),
    balancers: withUrls(data.balancers, data.statsUrls, "statsUrls"),
  };
}
