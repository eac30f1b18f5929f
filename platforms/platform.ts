/** From the configuration to hosts, whatever the platform. */
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { keyPath } from "../config/existing.ts";
import type { AwsPlatform, Config, ExistingPlatform, LabPlatform } from "../config/types.ts";
import { checkLabTools } from "./lab/tools.ts";
import { precheck } from "./existing/precheck.ts";
import { connectionTo, existingHosts } from "./existing/existing.ts";
import type { Host } from "../hosts/host.ts";
import { agentPort } from "../hosts/ports.ts";
import { labHosts } from "./lab/lab.ts";

export interface Hosts {
  readonly brokers: readonly { readonly host: Host; readonly type: "disc" | "ram" }[];
  readonly balancers: readonly Host[];
}

/**
 * Makes, or finds, the stack's machines.
 * @returns them in the configuration's order
 * @throws pulumi.RunError when machines that should be there are not as they have to be, or the lab's cannot be made
 */
export async function makeHosts(config: Config): Promise<Hosts> {
  const { brokers } = config;
  const hosts = await hostsOf(config);
  return {
    brokers: brokers.flatMap(({ type }, index) => {
      const host = hosts[index];
      return host === undefined ? [] : [{ host, type }];
    }),
    balancers: hosts.slice(brokers.length),
  };
}

async function hostsOf(config: Config): Promise<readonly Host[]> {
  const { platform } = config;
  switch (platform.kind) {
    case "lab":
      return madeHosts(config, platform);
    case "existing":
      return foundHosts(config, platform);
    case "aws":
      return accountHosts(config, platform);
  }
}

/** Who stands where, in the configuration's order. */
function placed({ brokers, balancers }: Config) {
  return [
    ...brokers.map(({ name, address }) => ({ name, address, role: "broker" as const })),
    ...balancers.map(({ name, address }) => ({ name, address, role: "balancer" as const })),
  ];
}

/** What a host's firewall has to let in. */
function openPorts({ rabbitmq, haproxy }: Config) {
  const { ports } = rabbitmq;
  return { ports, statsPort: haproxy.statsPort, ...(haproxy.avoidAlarms ? { agentPort } : {}) };
}

async function accountHosts(config: Config, platform: AwsPlatform): Promise<readonly Host[]> {
  const { os, packages, secrets, keepalived, virtualAddress } = config;
  const { interface: device } = keepalived;
  const { sshPrivateKey } = secrets;
  // Only here, since the SDK behind it takes most of a second to load.
  const { awsHosts } = await import("./aws/aws.ts");
  return awsHosts({
    machines: placed(config),
    os,
    platform,
    packages,
    virtualAddress,
    ...openPorts(config),
    ...(device === undefined ? {} : { interface: device }),
    ...(sshPrivateKey === undefined ? {} : { sshPrivateKey }),
  });
}

function madeHosts(
  { os, brokers, balancers, packages, secrets }: Config,
  platform: LabPlatform,
): readonly Host[] {
  const { sshPrivateKey } = secrets;
  // A preview is for whoever wants to see what would be made, on any computer.
  if (!pulumi.runtime.isDryRun()) checkLabTools(platform.image === undefined);
  return labHosts({
    machines: [...brokers, ...balancers],
    os,
    packages,
    ...platform,
    ...(sshPrivateKey === undefined ? {} : { sshPrivateKey }),
  });
}

async function foundHosts(config: Config, platform: ExistingPlatform): Promise<readonly Host[]> {
  const { os, secrets } = config;
  const machines = placed(config);
  const privateKey =
    secrets.sshPrivateKey ?? pulumi.secret(readFileSync(keyPath(platform.privateKeyFile ?? ""), "utf8"));
  const key = await plainText(privateKey);
  const { virtualRouterId, interface: device } = config.keepalived;
  const found = await precheck({
    os,
    virtualAddress: config.virtualAddress,
    ports: config.rabbitmq.ports,
    statsPort: config.haproxy.statsPort,
    virtualRouterId,
    ...(device === undefined ? {} : { interface: device }),
    stack: pulumi.getStack(),
    machines: machines.map((machine) => ({ ...machine, login: connectionTo(machine, platform, key) })),
  });
  return existingHosts({
    machines,
    os,
    platform,
    privateKey,
    found,
    packages: config.packages,
    ...openPorts(config),
  });
}

/** What the program itself logs in with; nothing that is registered is made from it. */
function plainText(secret: pulumi.Output<string>): Promise<string> {
  return new Promise((resolve) => {
    secret.apply(resolve);
  });
}
