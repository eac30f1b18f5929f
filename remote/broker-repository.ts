/** The repository with the brokers' packages on one host: its key, its source files, and apt's preferences. */
import type * as pulumi from "@pulumi/pulumi";
import type { BrokerRepository, Host } from "../hosts/host.ts";
import { seriesOf } from "../hosts/rabbitmq-series.ts";
import { systems } from "../hosts/systems.ts";
import { render } from "../templates/render.ts";
import { File } from "./file.ts";
import { Step } from "./step.ts";

/** As https://www.rabbitmq.com/docs/install-debian names it. */
const teamKey = {
  url: "https://keys.openpgp.org/vks/v1/by-fingerprint/0A9AF2115F4687BD29803A206B73A36E6026DFCA",
  fingerprint: "0A9AF2115F4687BD29803A206B73A36E6026DFCA",
};

const rpmKeys = "https://github.com/rabbitmq/signing-keys/releases/download/3.0";
const packageKey = `${rpmKeys}/rabbitmq-release-signing-key.asc`;

/** Where agent/sources.py keeps the key. */
const keyFiles = { apt: "/etc/apt/keyrings/rabbitmq-ha.asc", rpm: "/etc/pki/rpm-gpg/rabbitmq-ha.asc" };

/** The only series that the RPM systems get without a stated repository. */
const defaultRpmSeries = "3.13";

/** @returns the documents with which apt uses the repository */
export function aptDocuments(
  repository: BrokerRepository,
  os: Host["os"],
): { readonly list: string; readonly preferences: string } {
  const { url, isFlat, series, isTrusted } = repository;
  const team = systems[os].repository;
  const { folder = "", hasErlang = false } = team ?? {};
  const suite = folder.split("/").at(-1) ?? "";
  const bases = url === undefined ? ["https://deb1.rabbitmq.com", "https://deb2.rabbitmq.com"] : [url];
  const parts = [...(hasErlang ? ["rabbitmq-erlang"] : []), "rabbitmq-server"];
  const sources = isFlat
    ? bases.map((base) => `${base} ./`)
    : parts.flatMap((part) => bases.map((base) => `${base}/${part}/${folder} ${suite} main`));
  const hosts = bases.map((base) => new URL(base).hostname);
  return {
    list: render("rabbitmq/rabbitmq-ha.list", {
      sources,
      trust: isTrusted ? "trusted=yes" : `signed-by=${keyFiles.apt}`,
    }),
    preferences: render("rabbitmq/preferences", {
      series,
      // A flat repository has one Erlang, which fits what else is there; of Debian's packages Erlang has the epoch 1.
      erlang: isFlat ? `origin "${hosts[0] ?? ""}"` : `version 1:${erlangOf(series)}.*`,
      // What the packages depend on may come from a flat one, so nothing in it is put off.
      others: isFlat ? [] : hosts,
    }),
  };
}

/** @returns the file with which yum or dnf uses the repository */
export function rpmDocument(repository: BrokerRepository | undefined, os: Host["os"]): string {
  const { url, isFlat = false, series = defaultRpmSeries, key, isTrusted = false } = repository ?? {};
  const folder = systems[os].repository?.folder ?? "";
  const teamKeys = (name: string): string => `${rpmKeys}/${name}\n       ${packageKey}`;
  const keysOf = (name: string): string =>
    isTrusted ? "" : key === undefined ? teamKeys(name) : `file://${keyFiles.rpm}`;
  const urlsOf = (part: string, servers: readonly string[]): string =>
    isFlat
      ? (url ?? "")
      : (url === undefined ? servers : [url]).map((base) => `${base}/${part}`).join("\n        ");
  const servers = ["https://yum1.rabbitmq.com", "https://yum2.rabbitmq.com"];
  const guide = "Team RabbitMQ's repositories, as https://www.rabbitmq.com/docs/3.13/install-rpm names them";
  return render("rabbitmq/rabbitmq-ha.repo", {
    isDefault: repository === undefined,
    origin: url === undefined ? guide : "the repository of packages.rabbitmq.repository",
    // A flat repository's own signature is rare, and its packages' is what counts.
    indexCheck: isFlat ? 0 : 1,
    erlang: {
      urls: urlsOf(`erlang/${folder}/$basearch`, servers),
      packages: isFlat ? "erlang*" : `erlang-${erlangOf(series)}.*`,
      keys: keysOf("cloudsmith.rabbitmq-erlang.E495BB49CC4BBE5B.key"),
    },
    server: {
      urls: urlsOf(`rabbitmq/${folder}/noarch`, servers.toReversed()),
      packages: `rabbitmq-server-${series}.*`,
      keys: keysOf("cloudsmith.rabbitmq-server.9F4587F226208342.key"),
    },
  });
}

/** @returns the newest release of Erlang on which the series' later releases run */
function erlangOf(series: string): string {
  return String(seriesOf(series)?.erlang.at(-1)?.to ?? "");
}

/**
 * Makes the host's package manager use the repository.
 * @returns what the installation of the packages waits for
 */
export function useBrokerRepository(
  prefix: string,
  host: Host,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  const { installer } = systems[host.os];
  const { repository } = host.packages ?? {};
  const file = (name: string, path: string, content: string, dependsOn: pulumi.Resource[]): File =>
    new File(
      `${prefix}-${name}`,
      { host, path, content },
      dependsOn.length === 0 ? options : { ...options, dependsOn },
    );
  if (installer !== "apt") {
    const keys = useKey(prefix, host, repository?.key, options);
    return [file("repository", "/etc/yum.repos.d/rabbitmq-ha.repo", rpmDocument(repository, host.os), keys)];
  }
  if (repository === undefined) return [];
  const key = repository.isTrusted ? undefined : (repository.key ?? teamKey);
  const keys = useKey(prefix, host, key, options);
  const { list, preferences } = aptDocuments(repository, host.os);
  return [
    file("repository", "/etc/apt/sources.list.d/rabbitmq-ha.list", list, keys),
    file("repository-pin", "/etc/apt/preferences.d/rabbitmq-ha", preferences, keys),
  ];
}

function useKey(
  prefix: string,
  host: Host,
  key: BrokerRepository["key"],
  options: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  if (key === undefined) return [];
  const how = { installer: systems[host.os].installer, proxy: host.packages?.proxy };
  return [
    new Step(
      `${prefix}-repository-key`,
      { host, subcommand: "repository-key", options: { ...key, ...how } },
      options,
    ),
  ];
}
