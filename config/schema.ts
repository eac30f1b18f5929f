/** Every configuration key, its shape and its default. Rules on several values at once are in rules.ts. */
import { z } from "zod";
import { maxConnectionsPossible } from "../hosts/descriptors.ts";
import { defaultPlatform } from "../hosts/platform-kinds.ts";
import { defaultStatsPort } from "../hosts/other-ports.ts";
import { protocols, type ProtocolName } from "../hosts/protocol-ports.ts";
import { defaultAdminUser } from "../hosts/users.ts";
import { advanced } from "./advanced.ts";
import { aws, sources } from "./aws.ts";
import { existing } from "./existing.ts";
import { packages } from "./packages.ts";
import { pluginFault, pluginFile } from "./plugins.ts";
import { checkDefinition, patternFault } from "./policy.ts";
import { closeConnections, rotation } from "./rotation.ts";
import { secrets, userPasswords } from "./secrets.ts";
import { checkSecretSettings, checkSettings } from "./settings.ts";
import { tls } from "./tls.ts";
import * as values from "./values.ts";

const hostEntry = { name: values.hostName, address: values.ipv4("192.168.56.120") };

const hostRemedy = "with a name and an address each; Pulumi.dev.yaml shows how";

const broker = { ...hostEntry, type: values.choice("a node type", ["disc", "ram"]).default("disc") };

/** What is left out depends on the kind of queues: config/queues.ts. */
const policy = z
  .strictObject({
    name: values
      .matching(
        /^[^\s\p{Cc}-]([^\p{Cc}]{0,253}[^\s\p{Cc}])?$/u,
        "not a policy's name",
        "one that does not start with a hyphen or a space, such as ha-all",
      )
      .exactOptional(),
    pattern: values.text("not a pattern", "a regular expression such as ^", patternFault).exactOptional(),
    definition: z.record(z.string(), z.unknown()).superRefine(checkDefinition).exactOptional(),
  })
  .prefault({});

type PortKeys = Readonly<Record<ProtocolName, z.ZodDefault<typeof values.port>>>;

/** A key for each protocol, since a port that is not used yet may be written down too. */
const portKeys = Object.fromEntries(
  protocols.map(({ name, port }) => [name, values.port.default(port)]),
) as PortKeys;

const rabbitmq = z
  .strictObject({
    adminUser: values.userName.default(defaultAdminUser),
    plugins: values
      .list(
        values.text("not a plug-in's name", "one such as rabbitmq_shovel", pluginFault),
        "the names of plug-ins, one a line",
      )
      .default(["rabbitmq_management", "rabbitmq_prometheus"]),
    pluginFiles: values.list(pluginFile, "the url and the sha256 of each plug-in's file").default([]),
    queues: values.choice("a kind of queues", ["mirrored", "quorum"]).exactOptional(),
    policy,
    // The values are checked together with their keys.
    settings: z
      .record(z.string(), z.custom<string | number | boolean>())
      .superRefine(checkSettings)
      .default({}),
    secretSettings: z
      .record(z.string(), z.custom<string | number | boolean>())
      .superRefine(checkSecretSettings)
      .default({}),
    advanced: advanced.prefault(""),
    ports: z.strictObject(portKeys).prefault({}),
    netTickTime: values.wholeNumber("a tick time", "seconds", 1).default(5),
    cookieRenewal: values.wholeNumber("a number of the Erlang cookie", "", 1).default(1),
  })
  .prefault({});

const connections = values.wholeNumber("a number of connections", "", 1);
const checks = values.wholeNumber("a number of checks", "", 1);

const source = z.strictObject({
  version: values.matching(/^\d+\.\d+\.\d+$/, "not a version of HAProxy", "three numbers such as 2.8.26"),
  url: values.tarballUrl,
  sha256: values.sha256("the tarball"),
});

const haproxy = z
  .strictObject({
    maxConnections: z
      .strictObject({
        global: values.wholeNumber("a number of connections", "", 1, maxConnectionsPossible).default(5120),
        proxy: connections.default(2000),
      })
      .prefault({}),
    balance: values
      .choice("a supported algorithm", ["roundrobin", "leastconn", "static-rr", "first", "source"])
      .default("roundrobin"),
    checkInterval: values.duration.default("5s"),
    rise: checks.default(2),
    fall: checks.default(2),
    avoidAlarms: values
      .flag("true if a broker in alarm shall get no new connections, or false")
      .default(false),
    proxyProtocol: values
      .flag("true if the brokers shall see each client's own address, or false")
      .exactOptional(),
    timeouts: z
      .strictObject({
        connect: values.duration.default("2s"),
        client: values.duration.default("3h"),
        server: values.duration.default("3h"),
      })
      .prefault({}),
    statsPort: values.port.default(defaultStatsPort),
    statsPath: values
      .matching(
        /^\/[A-Za-z0-9._~/-]*$/,
        "not a path",
        "one that starts with a slash, such as /rabbitmq-stats",
      )
      .default("/rabbitmq-stats"),
    statsRefresh: values.duration.default("5s"),
    source: source.exactOptional(),
    brokers: values.list(z.strictObject(hostEntry), `one or more hosts ${hostRemedy}`).exactOptional(),
  })
  .prefault({});

const keepalived = z
  .strictObject({
    virtualRouterId: values.wholeNumber("a virtual router id", "", 1, 255).default(51),
    advertisementInterval: values.advertisementInterval.default(0.2),
    preempt: values.flag("true if the first balancer shall take the address back, or false").default(true),
    interface: values.networkInterface.exactOptional(),
    prefixLength: values.wholeNumber("a prefix length", "bits", 1, 32).exactOptional(),
  })
  .prefault({});

const lab = z
  .strictObject({
    subnet: values.subnet.default("192.168.56.0/24"),
    image: values
      .matching(
        /^[A-Za-z0-9][\w.:/@-]*$/,
        "not an image",
        "a container image such as localhost/lab:1, or leave the key out",
      )
      .exactOptional(),
  })
  .prefault({});

/** All top-level keys, in the order in which their faults are reported. */
export const schema = z.strictObject({
  platform: values.platform.default(defaultPlatform),
  os: values.operatingSystem.default("debian-12"),
  brokers: values.list(z.strictObject(broker), `three or more hosts ${hostRemedy}`),
  balancers: values.list(z.strictObject(hostEntry), `two or more hosts ${hostRemedy}`),
  virtualAddress: values.ipv4("192.168.56.100"),
  clusterName: values.clusterName.default("rabbitmq_cluster1"),
  rabbitmq,
  haproxy,
  keepalived,
  metricsFrom: sources
    .min(1, "names nobody; write the networks of those who read the metrics, or leave the key out")
    .exactOptional(),
  tls,
  packages,
  lab,
  existing,
  aws,
  definitions: z.record(z.string(), z.unknown()).prefault({}),
  rotation,
  closeConnections,
  ...secrets,
  userPasswords,
});

export type SchemaOutput = z.output<typeof schema>;
export type ConfigKey = keyof SchemaOutput;

export const configKeys = Object.keys(schema.shape) as readonly ConfigKey[];

/** Keys that hold lists or mappings, which the engine passes as JSON; all others are text. */
export const blockKeys: ReadonlySet<string> = new Set<ConfigKey>([
  "brokers",
  "balancers",
  "rabbitmq",
  "haproxy",
  "keepalived",
  "metricsFrom",
  "tls",
  "packages",
  "lab",
  "existing",
  "aws",
  "definitions",
  "rotation",
  "closeConnections",
  "userPasswords",
]);
