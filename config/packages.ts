/** The block `packages`: where the hosts' software comes from. */
import { z } from "zod";
import type { PackageSources } from "../hosts/host.ts";
import { seriesNameOf } from "../hosts/rabbitmq-series.ts";
import * as values from "./values.ts";

const rpm = {
  url: values.downloadUrl("the RPM's URL").exactOptional(),
  sha256: values.sha256("the file").exactOptional(),
};

/** A version as dpkg writes it (deb-version(7)), or an RPM's VERSION-RELEASE. */
const version = values.matching(
  /^(\d+:)?\d+\.\d+(?!\d)[A-Za-z0-9.+~:-]*$/,
  "not a package's version",
  "it as apt or dnf lists it, such as 3.10.8-1.1+deb12u1",
);

/** The word for Team RabbitMQ's own servers. */
export const teamRabbitmq = "team-rabbitmq";

const repositoryUrl = values.downloadUrl("its base URL");
const repository = values.text(
  "not a repository",
  `${teamRabbitmq}, or the base URL of one with http, https or file`,
  (value) =>
    value === teamRabbitmq || repositoryUrl.safeParse(value).success
      ? undefined
      : `not a repository; write ${teamRabbitmq}, or the base URL of one with http, https or file`,
);

const key = z.strictObject({
  url: values.downloadUrl("the URL of the armoured key"),
  fingerprint: values
    .matching(/^[0-9a-f]{40}$/i, "not a fingerprint", "the key's fingerprint, 40 hexadecimal digits")
    .toUpperCase(),
});

export const packages = z
  .strictObject({
    proxy: values.url(["http:"], "the proxy's URL, such as http://proxy.example.org:3128").exactOptional(),
    mirror: values.downloadUrl("the mirror's base URL").exactOptional(),
    erlang: z.strictObject(rpm).prefault({}),
    rabbitmq: z
      .strictObject({
        ...rpm,
        version: version.exactOptional(),
        repository: repository.exactOptional(),
        series: values
          .matching(/^\d+\.\d+$/, "not a series of RabbitMQ", 'its first two numbers, such as "4.2"')
          .exactOptional(),
        flat: values.flag("true if all packages are right at the repository's URL, or false").default(false),
        key: key.exactOptional(),
        trusted: values
          .flag("true if the repository may be used without a signature, or false")
          .default(false),
      })
      .prefault({}),
  })
  .prefault({});

export type RpmName = "erlang" | "rabbitmq";

/**
 * The last RPMs that Team RabbitMQ made for CentOS 7, as releases on GitHub. Their SHA-256 sums are published nowhere,
 * so the user has to write them.
 */
export const lastRpmsForCentos7: Readonly<Record<RpmName, string>> = {
  erlang:
    "https://github.com/rabbitmq/erlang-rpm/releases/download/v23.3.4.18/erlang-23.3.4.18-1.el7.x86_64.rpm",
  rabbitmq:
    "https://github.com/rabbitmq/rabbitmq-server/releases/download/v3.9.16/rabbitmq-server-3.9.16-1.el7.noarch.rpm",
};

/** @returns the block as part of a host, with the default URLs of CentOS 7's RPMs where no others are configured */
export function toPackageSources(block: z.output<typeof packages>): PackageSources {
  const { erlang, rabbitmq, ...given } = block;
  const rest = {
    ...given,
    ...(rabbitmq.version === undefined ? {} : { brokerVersion: rabbitmq.version }),
    ...toRepository(rabbitmq),
  };
  const download = (rpm: RpmName, { url, sha256: sum }: z.output<typeof packages>["erlang"]) =>
    sum === undefined ? undefined : { url: url ?? lastRpmsForCentos7[rpm], sha256: sum };
  const rpms = { erlang: download("erlang", erlang), rabbitmq: download("rabbitmq", rabbitmq) };
  if (rpms.erlang === undefined || rpms.rabbitmq === undefined) return rest;
  return { ...rest, rpms: { erlang: rpms.erlang, rabbitmq: rpms.rabbitmq } };
}

function toRepository({
  repository,
  series,
  version,
  flat,
  key,
  trusted,
}: z.output<typeof packages>["rabbitmq"]): Pick<PackageSources, "repository"> {
  const wanted = series ?? (version === undefined ? undefined : seriesNameOf(version));
  if (repository === undefined || wanted === undefined) return {};
  return {
    repository: {
      ...(repository === teamRabbitmq ? {} : { url: repository.replace(/\/+$/, "") }),
      ...(key === undefined ? {} : { key }),
      isFlat: flat,
      series: wanted,
      isTrusted: trusted,
    },
  };
}
