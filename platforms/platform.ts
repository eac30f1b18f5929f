/** Makes the hosts of a configuration, on any platform. */
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { AwsPlatform, Config, ExistingPlatform, LabPlatform } from "../config/types.ts";
import { checkLabTools } from "./lab/tools.ts";
import { precheck } from "./existing/precheck/precheck.ts";
import { machineLabel } from "./existing/precheck/probe-target.ts";
import { addressesWithNewKeys, PinnedHostKeys } from "./existing/pinned-host-keys.ts";
import { connectionTo, registerExistingHosts } from "./existing/existing.ts";
import { generatedSecret, randomText } from "../secret.ts";
import { refusalError } from "../config/refusal-error.ts";
import type { Host } from "../hosts/host.ts";
import { resolveKeyPath } from "../hosts/key-path.ts";
import { agentPort } from "../hosts/other-ports.ts";
import { metricsAccess } from "../hosts/protocol-ports.ts";
import {
  rabbitmqVersion,
  supportNotice,
  type BrokerPackage,
  type RabbitmqVersion,
} from "../hosts/rabbitmq-version.ts";
import { takeOverVariable } from "../hosts/machine-take-over.ts";
import { checkLabInterface, makeLabHosts } from "./lab/lab.ts";

export interface Hosts {
  readonly brokers: readonly { readonly host: Host; readonly type: "disc" | "ram" }[];
  readonly balancers: readonly Host[];
  /** What the brokers run after `up`. */
  readonly rabbitmq: RabbitmqVersion;
}

interface Prepared {
  /** In the configuration's order. */
  readonly hosts: readonly Host[];
  /** What was found on the brokers' machines. @default they were not asked */
  readonly packages?: readonly BrokerPackage[];
}

/**
 * Makes the stack's machines, or checks the existing ones.
 * @returns the hosts, in the configuration's order
 * @throws pulumi.RunError if existing machines or the AWS account have faults, or the lab cannot be made
 */
export async function makeHosts(config: Config): Promise<Hosts> {
  const { brokers, os } = config;
  const { hosts, packages } = await hostsOf(config);
  const rabbitmq = rabbitmqVersion(os, config.packages, packages);
  await tellSupport(rabbitmq, config);
  return {
    rabbitmq,
    brokers: brokers.flatMap(({ type }, index) => {
      const host = hosts[index];
      return host === undefined ? [] : [{ host, type }];
    }),
    balancers: hosts.slice(brokers.length),
  };
}

async function hostsOf(config: Config): Promise<Prepared> {
  const { platform } = config;
  switch (platform.kind) {
    case "lab":
      return { hosts: prepareLabHosts(config, platform) };
    case "existing":
      return prepareExistingHosts(config, platform);
    case "aws":
      return { hosts: await prepareAwsHosts(config, platform) };
  }
}

/** Says which RabbitMQ it will be, and until when it has support: a lab needs none. */
async function tellSupport(rabbitmq: RabbitmqVersion, { os, platform }: Config): Promise<void> {
  const { text, hasEnded } = supportNotice(rabbitmq, os, new Date().toISOString().slice(0, 10));
  await (hasEnded && platform.kind !== "lab" ? pulumi.log.warn(text) : pulumi.log.info(text));
}

/** @returns all hosts with their roles, in the configuration's order */
function hostsWithRoles({ brokers, balancers }: Config) {
  return [
    ...brokers.map(({ name, address }) => ({ name, address, role: "broker" as const })),
    ...balancers.map(({ name, address }) => ({ name, address, role: "balancer" as const })),
  ];
}

/** The ports that a host's firewall has to let in. */
function openPorts({ rabbitmq, haproxy, metricsFrom, frontends }: Config) {
  return {
    frontends,
    statsPort: haproxy.statsPort,
    ...(haproxy.avoidAlarms ? { agentPort } : {}),
    ...metricsAccess(metricsFrom, rabbitmq),
  };
}

async function prepareAwsHosts(config: Config, platform: AwsPlatform): Promise<readonly Host[]> {
  const { os, packages, secrets, keepalived, virtualAddress } = config;
  const { interface: device } = keepalived;
  const { sshPrivateKey } = secrets;
  // Imported only here, since its SDK takes most of a second to load.
  const { makeAwsHosts } = await import("./aws/aws.ts");
  return makeAwsHosts({
    machines: hostsWithRoles(config),
    os,
    platform,
    packages,
    virtualAddress,
    ...openPorts(config),
    ...(device === undefined ? {} : { interface: device }),
    ...(sshPrivateKey === undefined ? {} : { sshPrivateKey }),
  });
}

function prepareLabHosts(config: Config, platform: LabPlatform): readonly Host[] {
  const { os, packages, secrets, keepalived } = config;
  const { sshPrivateKey } = secrets;
  checkLabInterface(keepalived.interface);
  // A preview works on any computer, also on one that cannot make a lab.
  if (!pulumi.runtime.isDryRun()) checkLabTools(platform.image === undefined);
  return makeLabHosts({
    machines: hostsWithRoles(config),
    os,
    packages,
    ...platform,
    ...(sshPrivateKey === undefined ? {} : { sshPrivateKey }),
  });
}

async function prepareExistingHosts(config: Config, platform: ExistingPlatform): Promise<Prepared> {
  const { os, secrets } = config;
  const machines = hostsWithRoles(config);
  const privateKey =
    secrets.sshPrivateKey ??
    pulumi.secret(readFileSync(resolveKeyPath(platform.privateKeyFile ?? ""), "utf8"));
  const key = await plainText(privateKey);
  const { virtualRouterId, interface: device, prefixLength } = config.keepalived;
  const id = await plainText(pulumi.unsecret(generatedSecret("stack-id", () => randomText(16))));
  const stack = { id, name: pulumi.getStack() };
  const takeOver = machinesToTakeOver(machines.map(({ name }) => name));
  const bastion = platform.bastion?.host;
  const pins = new PinnedHostKeys(addressesWithNewKeys(machines, bastion));
  const found = await precheck({
    os,
    virtualAddress: config.virtualAddress,
    ports: config.rabbitmq.ports,
    plugins: config.rabbitmq.plugins,
    ...(config.tls === undefined ? {} : { tls: config.tls }),
    statsPort: config.haproxy.statsPort,
    virtualRouterId,
    ...(device === undefined ? {} : { interface: device }),
    ...(prefixLength === undefined ? {} : { prefixLength }),
    stack,
    takeOver,
    replaceFiles: platform.replaceFiles,
    buildsHaproxy: config.haproxy.source !== undefined,
    settings: config.rabbitmq.settings,
    packages: config.packages,
    queues: config.rabbitmq.queues,
    ramNodes: config.brokers.filter(({ type }) => type === "ram").map(({ name }) => name),
    machines: machines.map((machine) => ({
      ...machine,
      login: pins.addTo(connectionTo(machine, platform, key)),
    })),
  }).finally(() => logFirstContacts(pins, machines, bastion));
  const hosts = registerExistingHosts({
    machines,
    os,
    platform: { ...platform, hostKeys: { ...platform.hostKeys, ...(await pins.hostKeys()) } },
    privateKey,
    precheckedMachines: found,
    packages: config.packages,
    stack,
    takeOver,
    ...openPorts(config),
  });
  return { hosts, packages: [...found.values()].flatMap(({ rabbitmq }) => rabbitmq ?? []) };
}

/** Says which keys were pinned, whatever else the precheck has found: they are in the state from now on. */
async function logFirstContacts(
  pins: PinnedHostKeys,
  machines: readonly { readonly name: string; readonly address: string }[],
  bastion: string | undefined,
): Promise<void> {
  const labels = new Map([
    ...(bastion === undefined ? [] : [[bastion, `the bastion (${bastion})`] as const]),
    ...machines.map((machine) => [machine.address, machineLabel(machine)] as const),
  ]);
  for (const line of await pins.firstContacts(labels)) await pulumi.log.info(line);
}

/** @throws pulumi.RunError if it names a machine that the stack does not have */
function machinesToTakeOver(names: readonly string[]): string[] {
  const wanted = (process.env[takeOverVariable] ?? "").split(",").filter((name) => name !== "");
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length === 0) return wanted;
  throw refusalError(
    `${takeOverVariable} names ${unknown.join(", ")}, which the stack does not have; its machines are ${names.join(", ")}`,
  );
}

/** @returns an output's plain value, for the program's own use; nothing that is registered is made from a secret one */
function plainText(secret: pulumi.Output<string>): Promise<string> {
  return new Promise((resolve) => {
    secret.apply(resolve);
  });
}
