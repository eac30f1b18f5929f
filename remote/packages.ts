/** Packages on one host, as one resource. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../platforms/host.ts";
import { render } from "../templates/render.ts";
import { File } from "./file.ts";
import { Script, type ScriptArgs } from "./script.ts";
import { repositories } from "./sources.ts";
import { systems, type Noun } from "./systems.ts";

export interface PackagesArgs {
  readonly host: Host;
  /** What the host needs; the system says which packages that is. */
  readonly nouns: readonly Noun[];
}

/** Seconds for one installation, downloads included. */
const deadline = 900;

/** One lock for the host: two installations at a time would wait for each other half-way. */
const common = { deadline, lock: "packages" } satisfies Partial<ScriptArgs>;

/** The package whose version the configuration may state. */
const brokerPackage = "rabbitmq-server";

/**
 * Installs what is missing, from the host's own sources, without starting a service: the program starts each one
 * itself, once it is configured. What is installed already stays at its version: all hosts are at it at once, and
 * brokers change theirs in turn, see `brokerUpgrade`.
 */
export class Packages extends Script {
  constructor(name: string, { host, nouns }: PackagesArgs, options: pulumi.CustomResourceOptions) {
    const { installer, packages } = systems[host.os];
    const { proxy = "", brokerVersion } = host.packages ?? {};
    const stated = (name: string): string =>
      name === brokerPackage && brokerVersion !== undefined ? `${name}=${brokerVersion}` : name;
    const names = nouns.flatMap((noun) => packages[noun]).map(stated);
    const script =
      installer === "apt"
        ? { template: "remote/packages.sh", values: { names, proxy } }
        : { template: "remote/packages-rpm.sh", values: { names, proxy, installer, ...repositories(host) } };
    super(name, { host, ...script, ...common }, options);
  }
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
  const { proxy = "", rpms } = host.packages ?? {};
  if (rpms !== undefined) {
    const files = [
      { ...rpms.erlang, name: "erlang", key: "erlang" },
      { ...rpms.rabbitmq, name: brokerPackage, key: "rabbitmq" },
    ];
    const values = { proxy, installer, files, ...repositories(host) };
    return new Script(name, { host, template: "rabbitmq/rpms.sh", values, ...common }, options);
  }
  if (repository === undefined) throw new Error(`${host.os} needs the RPMs of Erlang and RabbitMQ`);
  const file = new File(
    `${prefix}-repository`,
    {
      ...{ host, path: "/etc/yum.repos.d/rabbitmq-ha.repo" },
      content: render("rabbitmq/rabbitmq-ha.repo", { repository }),
    },
    options,
  );
  return new Packages(name, { host, nouns: ["broker"] }, { ...options, dependsOn: file });
}

/**
 * @returns shell functions that put the stated version of the broker's package in the place of the installed one, for
 * a script that stops and starts the broker: `upgrade_due`, `fetch_upgrade`, `install_upgrade`; empty where no version
 * is stated
 */
export function brokerUpgrade({ os, packages }: Pick<Host, "os" | "packages">): string {
  const { proxy = "", rpms, brokerVersion } = packages ?? {};
  if (brokerVersion === undefined) return "";
  const { installer } = systems[os];
  const values = { package: brokerPackage, version: brokerVersion, proxy };
  if (installer === "apt") return render("remote/upgrade-apt", values).trimEnd();
  const download = rpms?.rabbitmq ?? { url: "", sha256: "" };
  return render("remote/upgrade-rpm", {
    ...values,
    ...repositories({ os, ...(packages === undefined ? {} : { packages }) }),
    ...{ installer, download },
  }).trimEnd();
}
