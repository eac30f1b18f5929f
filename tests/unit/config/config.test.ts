/** The configuration as a whole: the result for a valid one, and the message that refuses an invalid one. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import test, { after, beforeEach } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { parseConfig, readConfig, type ParsedConfig } from "../../../config/config.ts";
import { draft, faults, refusal } from "./draft.ts";

// The SDK's own YAML parser, so that no other must be installed.
const yaml = createRequire(import.meta.resolve("@pulumi/pulumi"))("js-yaml") as {
  load(text: string): { readonly config: Readonly<Record<string, unknown>> };
};

const defaults: ParsedConfig = {
  packages: {},
  platform: { kind: "lab", subnet: "192.168.56.0/24" },
  os: "debian-12",
  brokers: [
    { name: "cent120", address: "192.168.56.120", type: "disc" },
    { name: "cent121", address: "192.168.56.121", type: "disc" },
    { name: "cent122", address: "192.168.56.122", type: "disc" },
  ],
  balancers: [
    { name: "cent123", address: "192.168.56.123" },
    { name: "cent124", address: "192.168.56.124" },
  ],
  virtualAddress: "192.168.56.100",
  clusterName: "rabbitmq_cluster1",
  administrators: ["admin"],
  rabbitmq: {
    adminUser: "admin",
    plugins: ["rabbitmq_management", "rabbitmq_prometheus"],
    pluginFiles: [],
    queues: "mirrored",
    policy: { name: "ha-all", pattern: "^", definition: { "ha-mode": "all", "ha-sync-mode": "automatic" } },
    policyAppliesTo: "all",
    queueType: "classic",
    hasMnesia: true,
    settings: {},
    advanced: [],
    ports: {
      ...{ amqp: 5672, management: 15672, prometheus: 15692 },
      ...{ mqtt: 1883, stomp: 61613, webMqtt: 15675, webStomp: 15674, stream: 5552 },
    },
    netTickTime: 5,
    cookieRenewal: 1,
  },
  haproxy: {
    maxConnections: { global: 5120, proxy: 2000 },
    balance: "roundrobin",
    checkInterval: "5s",
    rise: 2,
    fall: 2,
    avoidAlarms: false,
    timeouts: { connect: "2s", client: "3h", server: "3h" },
    statsPort: 8100,
    statsPath: "/rabbitmq-stats",
    statsRefresh: "5s",
  },
  keepalived: { virtualRouterId: 51, advertisementInterval: 0.2, preempt: true },
};

const cookie = "ABCDEFGHIJ0123456789";
const { privateKey } = generateKeyPairSync("ec", {
  namedCurve: "prime256v1",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "sec1", format: "pem" },
});

test("fills in every default", () => {
  assert.deepEqual(parseConfig(draft()), defaults);
});

test("accepts every setting and keeps it unchanged", () => {
  const full = {
    platform: "lab",
    os: "debian-13",
    brokers: [
      { name: "a", address: "10.1.0.11", type: "disc" },
      { name: "b", address: "10.1.0.12", type: "disc" },
      { name: "c", address: "10.1.0.13", type: "disc" },
      { name: "d", address: "10.1.0.14", type: "disc" },
    ],
    balancers: [
      { name: "e", address: "10.1.0.15" },
      { name: "f", address: "10.1.0.16" },
      { name: "g", address: "10.1.0.17" },
    ],
    virtualAddress: "10.1.0.255",
    clusterName: "rabbit@orders",
    rabbitmq: {
      adminUser: "ops",
      plugins: ["rabbitmq_management", "rabbitmq_prometheus", "rabbitmq_shovel"],
      pluginFiles: [{ url: "https://example.org/acme_audit-1.0.ez", sha256: "a".repeat(64) }],
      queues: "quorum",
      policy: {
        name: "two",
        pattern: "(?i)^orders\\.",
        definition: { "delivery-limit": 50, "max-length": 1_000_000 },
      },
      settings: {
        cluster_partition_handling: "autoheal",
        "vm_memory_high_watermark.relative": 0.5,
        vhost_max: true,
        default_queue_type: "quorum",
      },
      advanced: "[{rabbit, [{consumer_timeout, undefined}]}].",
      ports: {
        ...{ amqp: 5673, management: 15673, prometheus: 15693 },
        ...{ mqtt: 1884, stomp: 61615, webMqtt: 15677, webStomp: 15678, stream: 5553 },
      },
      netTickTime: 8,
      cookieRenewal: 2,
    },
    haproxy: {
      maxConnections: { global: 9000, proxy: 8000 },
      balance: "leastconn",
      checkInterval: "500ms",
      rise: 1,
      fall: 3,
      avoidAlarms: true,
      timeouts: { connect: "1s", client: "24d", server: "90m" },
      statsPort: 9000,
      statsPath: "/",
      statsRefresh: "1m",
      source: { version: "2.8.26", url: "https://example.org/haproxy.tar.gz", sha256: "A0".repeat(32) },
    },
    keepalived: {
      virtualRouterId: 255,
      advertisementInterval: 40.95,
      preempt: false,
      interface: "eth1",
      prefixLength: 32,
    },
    packages: { proxy: "http://proxy.example.org:3128", mirror: "http://mirror.example.org/debian" },
    lab: { subnet: "10.1.0.0/23", image: "localhost/lab:1" },
    adminPassword: "päss word",
    erlangCookie: cookie,
    sshPrivateKey: privateKey,
    statsPassword: "hunter2:!",
  };
  const { platform: kind, lab, adminPassword, erlangCookie, sshPrivateKey, statsPassword, ...clear } = full;
  assert.equal([adminPassword, erlangCookie, sshPrivateKey, statsPassword].length, 4);
  assert.deepEqual(parseConfig(draft(full)), {
    ...clear,
    administrators: ["ops"],
    platform: { kind, ...lab },
    rabbitmq: {
      ...clear.rabbitmq,
      policyAppliesTo: "all",
      queueType: "quorum",
      hasMnesia: true,
      advanced: [{ name: "rabbit", settings: ["{consumer_timeout, undefined}"] }],
    },
    haproxy: { ...clear.haproxy, source: { ...clear.haproxy.source, sha256: "a0".repeat(32) } },
  });
});

test("accepts existing machines in any network, with their pinned keys", () => {
  const ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGsYBiDBWbTtcMvV5VdLxcM8sLVkCVnRsTA4Ytrb9nBk";
  const { platform } = parseConfig(
    draft({
      platform: "existing",
      "brokers.0.address": "10.9.8.7",
      sshPrivateKey: privateKey,
      "existing.user": "operator",
      "existing.hostKeys": `# 10.9.8.7:22 SSH-2.0-OpenSSH_9.2\n10.9.8.7,cent120 ${ed25519}\n[jump]:2222 ${ed25519}\n`,
      "existing.bastion": { host: "jump", port: 2222 },
    }),
  );
  assert.deepEqual(platform, {
    kind: "existing",
    user: "operator",
    port: 22,
    replaceFiles: false,
    purge: false,
    hostKeys: { "10.9.8.7": ed25519, cent120: ed25519, jump: ed25519 },
    bastion: { host: "jump", user: "root", port: 2222 },
  });
});

test("accepts any number of brokers with another partition handling", () => {
  const one = { "brokers.2": undefined, "brokers.1": undefined };
  const settings = { "rabbitmq.settings": { cluster_partition_handling: "ignore" } };
  assert.equal(parseConfig(draft({ ...one, ...settings })).brokers.length, 1);
});

test("accepts the last valid value of each range and refuses the next one", () => {
  const lines: readonly (readonly [path: string, good: unknown, bad: unknown])[] = [
    ["haproxy.timeouts.client", "2147483647ms", "2147483648ms"],
    ["keepalived.advertisementInterval", 40.95, 40.96],
    ["keepalived.advertisementInterval", 0.01, 0],
    ["keepalived.virtualRouterId", 1, 0],
    ["keepalived.interface", "a".repeat(15), "a".repeat(16)],
    ["rabbitmq.ports.amqp", 65535, 65536],
    ["lab.subnet", "192.0.0.0/8", "192.0.0.0/7"],
    ["erlangCookie", "a".repeat(255), "a".repeat(256)],
    ["clusterName", "a".repeat(128), "a".repeat(129)],
  ];
  for (const [path, good, bad] of lines) {
    assert.ok(parseConfig(draft({ [path]: good })));
    assert.equal(faults(draft({ [path]: bad })).length, 1);
  }
});

test("accepts ram nodes together with a disc node", () => {
  const { brokers } = parseConfig(draft({ "brokers.1.type": "ram", "brokers.2.type": "ram" }));
  assert.deepEqual(
    brokers.map(({ type }) => type),
    ["disc", "ram", "ram"],
  );
});

test("accepts a block of which only the key is left", () => {
  assert.deepEqual(parseConfig(draft({ rabbitmq: "", haproxy: "null", lab: "{}" })), defaults);
});

test("accepts patterns that are valid in PCRE only", () => {
  for (const pattern of [
    "(?i)^a",
    "^(?>a+)b",
    "a++b",
    "(?P<x>a)",
    "^(?!amq\\.).*",
    "\\Aa\\z",
    "[[:alpha:]]",
  ]) {
    assert.equal(parseConfig(draft({ "rabbitmq.policy.pattern": pattern })).rabbitmq.policy.pattern, pattern);
  }
});

test("freezes the whole configuration", () => {
  const config = parseConfig(draft());
  const frozen = (value: unknown): boolean =>
    typeof value !== "object" ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(frozen));
  assert.ok(frozen(config));
});

test("ignores other namespaces", () => {
  assert.deepEqual(parseConfig({ ...draft(), "aws:region": "eu-central-1", "pulumi:tags": "{}" }), defaults);
});

test("lists all faults in one message, ordered by key and position", () => {
  const raw = draft({
    "keepalived.virtualRouterId": 300,
    colour: "red",
    erlangCookie: "hunter2!",
    "brokers.2.name": "Cent122",
    "brokers.1.address": "192.168.56.120",
    "haproxy.checkIntervall": "5s",
    virtualAddress: "192.168.56.121",
  });
  assert.equal(
    refusal(raw, { stack: "dev" }),
    `The configuration of stack "dev" has 6 faults; nothing was changed.

  rabbitmq-ha:brokers[1].address = "192.168.56.120": already the address of cent120; give each host its own
  rabbitmq-ha:brokers[2].name = "Cent122": not a host name; write lower-case letters, digits and hyphens, with no hyphen at either end
  rabbitmq-ha:haproxy.checkIntervall = "5s": unknown key; did you mean checkInterval?
  rabbitmq-ha:keepalived.virtualRouterId = 300: not a virtual router id; write a whole number from 1 to 255
  rabbitmq-ha:erlangCookie: not an Erlang cookie; set 1 to 255 letters and digits
  rabbitmq-ha:colour = "red": unknown key; the keys here are platform, os, brokers, balancers, virtualAddress, clusterName, rabbitmq, haproxy, keepalived, metricsFrom, tls, packages, lab, existing, aws, definitions, rotation, closeConnections, adminPassword, erlangCookie, sshPrivateKey, statsPassword, tlsCaKey, tlsKey and userPasswords
`,
  );
});

test("the error has no stack trace, which the engine would take half a minute to format", () => {
  assert.throws(
    () => parseConfig(draft({ os: "plan-9" })),
    (error) => error instanceof pulumi.RunError && error.stack === "",
  );
});

test("uses the singular for one fault", () => {
  assert.match(refusal(draft({ os: "plan-9" })), /^The configuration has 1 fault; nothing was changed\.\n\n/);
});

test("reports only the invalid value, and no rule that uses it", () => {
  assert.deepEqual(faults(draft({ "lab.subnet": "10.0.0.0/33" })), [
    'lab.subnet = "10.0.0.0/33": not a network; write an IPv4 network such as 192.168.56.0/24',
  ]);
  assert.deepEqual(faults(draft({ "haproxy.statsPort": "x", "rabbitmq.ports.amqp": 8100 })), [
    'haproxy.statsPort = "x": not a TCP port; write a whole number from 1 to 65535',
  ]);
});

test("refuses more balancers than there are priorities for", () => {
  const balancers = (count: number): unknown =>
    Array.from({ length: count }, (_, index) => ({
      name: `b${String(index)}`,
      address: `192.168.56.${String(10 + index)}`,
    }));
  assert.equal(parseConfig(draft({ balancers: balancers(15) })).balancers.length, 15);
  assert.match(faults(draft({ balancers: balancers(16) }))[0] ?? "", /; write at most 15 balancers$/);
});

test("refuses a secret in a key that would show it", () => {
  const encrypted = new Set(["rabbitmq-ha:rabbitmq", "rabbitmq-ha:secretly", "rabbitmq-ha:adminPassword"]);
  const raw = draft({ "rabbitmq.adminUser": "hunter2 ", secretly: "hunter2", adminPassword: "hunter2" });
  const lines = faults(raw, { encrypted });
  const secrets =
    "adminPassword, erlangCookie, sshPrivateKey, statsPassword, tlsCaKey, tlsKey, userPasswords and rabbitmq.secretSettings";
  assert.equal(
    lines[0],
    `rabbitmq: encrypted, but would be shown in the clear; write it without --secret, since only ${secrets} can be secret`,
  );
  assert.match(lines[1] ?? "", /^secretly: unknown key; the keys here are /);
  assert.equal(lines.length, 2);
  assert.doesNotMatch(lines.join(), /hunter2/);
});

test("knows every key of the configuration table", () => {
  const table = {
    top: "platform os brokers balancers virtualAddress clusterName rabbitmq haproxy keepalived lab existing",
    secrets: "adminPassword erlangCookie sshPrivateKey statsPassword",
    rabbitmq:
      "adminUser plugins pluginFiles queues policy settings secretSettings advanced ports netTickTime",
    haproxy:
      "maxConnections balance checkInterval rise fall avoidAlarms proxyProtocol timeouts statsPort statsPath statsRefresh source",
    keepalived: "virtualRouterId advertisementInterval preempt interface prefixLength",
    lab: "subnet image",
  };
  const top = `${table.top} ${table.secrets}`.split(" ").map((key) => [key, "?"] as const);
  assert.doesNotMatch(refusal(draft(Object.fromEntries(top))), /unknown key/);
  for (const block of ["rabbitmq", "haproxy", "keepalived", "lab"] as const) {
    const wrong = table[block].split(" ").map((key) => [`${block}.${key}`, null] as const);
    const lines = faults(draft(Object.fromEntries(wrong)));
    assert.equal(lines.length, wrong.length);
    assert.doesNotMatch(lines.join(), /unknown key/);
  }
});

test("Pulumi.dev.yaml writes out exactly the defaults", () => {
  const { config } = yaml.load(readFileSync(new URL("../../../Pulumi.dev.yaml", import.meta.url), "utf8"));
  const raw = Object.entries(config).map(([key, value]): [string, string] => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  assert.deepEqual(parseConfig(Object.fromEntries(raw)), defaults);
});

test("Pulumi.yaml declares nothing that the engine can refuse, with the same defaults", () => {
  const { config } = yaml.load(readFileSync(new URL("../../../Pulumi.yaml", import.meta.url), "utf8"));
  const declared = Object.entries(config) as [string, Readonly<Record<string, unknown>>][];
  for (const [, entry] of declared) assert.deepEqual(Object.keys(entry), ["description", "default"]);
  const raw = declared.map(([key, { default: value }]): [string, string] => [
    `rabbitmq-ha:${key}`,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const { brokers, balancers, virtualAddress } = Object.fromEntries(Object.entries(defaults));
  assert.deepEqual(
    faults(Object.fromEntries(raw)).map((line) => line.split(";")[0]),
    ["brokers: missing", "balancers: missing", "virtualAddress: missing"],
  );
  const given = draft({ brokers, balancers, virtualAddress });
  assert.deepEqual(parseConfig({ ...Object.fromEntries(raw), ...given }), defaults);
});

const encryptedKeys = process.env["PULUMI_CONFIG_SECRET_KEYS"];

beforeEach(() => {
  delete process.env["PULUMI_CONFIG_SECRET_KEYS"];
});

after(() => {
  if (encryptedKeys !== undefined) process.env["PULUMI_CONFIG_SECRET_KEYS"] = encryptedKeys;
});

test("returns the given secrets as secret outputs, and nothing for the others", async () => {
  pulumi.runtime.setAllConfig(draft({ erlangCookie: cookie }));
  process.env["PULUMI_CONFIG_SECRET_KEYS"] = '["rabbitmq-ha:config:erlangCookie"]';
  const { secrets, frontends, ...clear } = readConfig();
  assert.deepEqual(clear, defaults);
  assert.deepEqual(
    frontends.map(({ proxy }) => proxy),
    ["rabbitmq_cluster", "rabbitmq_management"],
  );
  assert.deepEqual(Object.keys(secrets), ["erlangCookie"]);
  const output = secrets.erlangCookie;
  assert.ok(output !== undefined);
  assert.ok(await pulumi.isSecret(output));
  assert.equal(await valueOf(output), cookie);
});

test("returns the secret settings of the brokers as one secret output", async () => {
  const settings = { "ssl_options.password": "hunter2" };
  pulumi.runtime.setAllConfig(draft({ "rabbitmq.secretSettings": settings }));
  process.env["PULUMI_CONFIG_SECRET_KEYS"] = '["rabbitmq-ha:config:rabbitmq"]';
  const { secrets, frontends: _, ...clear } = readConfig();
  assert.deepEqual(clear, defaults);
  const output = secrets.settings;
  assert.ok(output !== undefined && (await pulumi.isSecret(output)));
  assert.deepEqual(await valueOf(output), settings);
});

test("reads from the engine which keys are secrets", () => {
  pulumi.runtime.setAllConfig(draft({ "lab.image": "x" }));
  process.env["PULUMI_CONFIG_SECRET_KEYS"] = '["rabbitmq-ha:config:lab"]';
  assert.throws(
    readConfig,
    /The configuration of stack "[^"]+" has 1 fault.*\n\n {2}rabbitmq-ha:lab: encrypted/,
  );
});

function valueOf<Value>(output: pulumi.Output<Value>): Promise<Value> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}
