/** Packages on one host, as one resource. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { useBrokerRepository } from "./broker-repository.ts";
import { sourceOptions } from "./sources.ts";
import { Step, type StepOptions } from "./step.ts";
import { systems, type PackageRole } from "../hosts/systems.ts";

export interface PackagesArgs {
  readonly host: Host;
  /** What the host needs packages for; hosts/systems.ts has the packages for each role. */
  readonly roles: readonly PackageRole[];
}

/** The only package whose version can be configured. */
const brokerPackage = "rabbitmq-server";

/**
 * Installs missing packages from the host's own sources, without starting a service: the program starts each service
 * itself, once it is configured. Installed packages keep their version, because this step runs on all hosts at once;
 * brokers are upgraded one after the other, see `brokerUpgradeOptions`.
 */
export class Packages extends Step {
  constructor(name: string, { host, roles }: PackagesArgs, options: pulumi.CustomResourceOptions) {
    const { packages } = systems[host.os];
    const { brokerVersion, repository } = host.packages ?? {};
    // If the repository does not answer, apt would else take the system's own version.
    const wanted = brokerVersion ?? (repository === undefined ? undefined : `${repository.series}.*`);
    const withVersion = (name: string): string =>
      name === brokerPackage && wanted !== undefined ? `${name}=${wanted}` : name;
    const names = roles.flatMap((role) => packages[role]).map(withVersion);
    super(name, { host, subcommand: "packages", options: { names, ...installOptions(host) } }, options);
  }
}

/** @returns the options that all subcommands that install packages have in common */
function installOptions(host: Pick<Host, "os" | "packages">): StepOptions {
  const { installer } = systems[host.os];
  const proxy = { proxy: host.packages?.proxy };
  // With RPMs, the sources are pointed to the mirror again before each installation: a package may have rewritten them.
  return installer === "apt" ? { installer, ...proxy } : { ...sourceOptions(host), ...proxy };
}

/**
 * Installs Erlang and RabbitMQ: the system's own packages if it has them, else Team RabbitMQ's, from the two configured
 * RPMs or from a repository.
 * @throws Error if no RPMs are configured for a system that needs them, which the configuration's rules rule out
 */
export function installBrokerPackages(
  prefix: string,
  host: Host,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource {
  const name = `${prefix}-packages`;
  const { rpms, repository } = host.packages ?? {};
  if (rpms !== undefined) {
    const { erlang, rabbitmq } = rpms;
    const files = {
      erlangUrl: erlang.url,
      erlangSha256: erlang.sha256,
      rabbitmqUrl: rabbitmq.url,
      rabbitmqSha256: rabbitmq.sha256,
    };
    return new Step(
      name,
      { host, subcommand: "rpms", options: { ...files, ...installOptions(host) } },
      options,
    );
  }
  if (needsRepository(host.os) && (systems[host.os].repository ?? repository) === undefined)
    throw new Error(`${host.os} needs the RPMs of Erlang and RabbitMQ`);
  const dependsOn = useBrokerRepository(prefix, host, options);
  const more = dependsOn.length === 0 ? options : { ...options, dependsOn };
  return new Packages(name, { host, roles: ["broker"] }, more);
}

/** Whether the system has no RabbitMQ of its own. */
function needsRepository(os: Host["os"]): boolean {
  return systems[os].installer !== "apt";
}

/**
 * @returns the options with which the restart of a broker also installs the configured version of its package; empty if
 * no version is configured
 */
export function brokerUpgradeOptions(host: Pick<Host, "os" | "packages">): StepOptions {
  const { rpms, brokerVersion } = host.packages ?? {};
  if (brokerVersion === undefined) return {};
  const download = systems[host.os].installer === "apt" ? undefined : rpms?.rabbitmq;
  return { packageVersion: brokerVersion, ...download, ...installOptions(host) };
}
