/** Packages on one host, as one resource. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { render } from "../templates/render.ts";
import { File } from "./file.ts";
import { sourceOptions } from "./sources.ts";
import { Step, type StepOptions } from "./step.ts";
import { systems, type Noun } from "../hosts/systems.ts";

export interface PackagesArgs {
  readonly host: Host;
  /** What the host needs; the system says which packages that is. */
  readonly nouns: readonly Noun[];
}

/** The package whose version the configuration may state. */
const brokerPackage = "rabbitmq-server";

/**
 * Installs what is missing, from the host's own sources, without starting a service: the program starts each one
 * itself, once it is configured. What is installed already stays at its version: all hosts are at it at once, and
 * brokers change theirs in turn, see `brokerUpgrade`.
 */
export class Packages extends Step {
  constructor(name: string, { host, nouns }: PackagesArgs, options: pulumi.CustomResourceOptions) {
    const { packages } = systems[host.os];
    const { brokerVersion } = host.packages ?? {};
    const stated = (name: string): string =>
      name === brokerPackage && brokerVersion !== undefined ? `${name}=${brokerVersion}` : name;
    const names = nouns.flatMap((noun) => packages[noun]).map(stated);
    super(name, { host, subcommand: "packages", options: { names, ...installation(host) } }, options);
  }
}

/** @returns the options of every subcommand that installs packages */
function installation(host: Pick<Host, "os" | "packages">): StepOptions {
  const { installer } = systems[host.os];
  const proxy = { proxy: host.packages?.proxy };
  // Before RPMs are installed, their sources are pointed to the mirror anew: a package may have written them.
  return installer === "apt" ? { installer, ...proxy } : { ...sourceOptions(host), ...proxy };
}

/**
 * Erlang and RabbitMQ: the system's own packages where it has them, else Team RabbitMQ's, from two RPMs that the
 * configuration names or from a repository.
 * @throws Error when the configuration names no RPMs for a system that has no other way; the configuration's rules
 * see to it
 */
export function brokerPackages(
  prefix: string,
  host: Host,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource {
  const { installer, repository } = systems[host.os];
  const name = `${prefix}-packages`;
  if (installer === "apt") return new Packages(name, { host, nouns: ["broker"] }, options);
  const { rpms } = host.packages ?? {};
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
      { host, subcommand: "rpms", options: { ...files, ...installation(host) } },
      options,
    );
  }
  if (repository === undefined) throw new Error(`${host.os} needs the RPMs of Erlang and RabbitMQ`);
  const file = new File(
    `${prefix}-repository`,
    {
      host,
      path: "/etc/yum.repos.d/rabbitmq-ha.repo",
      content: render("rabbitmq/rabbitmq-ha.repo", { repository }),
    },
    options,
  );
  return new Packages(name, { host, nouns: ["broker"] }, { ...options, dependsOn: file });
}

/**
 * @returns the options of a subcommand that stops and starts the broker and meanwhile puts the stated version of its
 * package in the place of the installed one; none where no version is stated
 */
export function brokerUpgrade(host: Pick<Host, "os" | "packages">): StepOptions {
  const { rpms, brokerVersion } = host.packages ?? {};
  if (brokerVersion === undefined) return {};
  const download = systems[host.os].installer === "apt" ? undefined : rpms?.rabbitmq;
  return { packageVersion: brokerVersion, ...download, ...installation(host) };
}
