/** Which RabbitMQ the brokers have or will get, how that is known, and how long it has community support. */
import type { OperatingSystem, PackageSources } from "./host.ts";
import { allSeries, compareSeries, seriesNameOf, seriesOf, type Series } from "./rabbitmq-series.ts";
import { systems } from "./systems.ts";

/** The versions of the package rabbitmq-server on a broker's machine, as far as the machine says them. */
export interface BrokerPackage {
  readonly installed?: string;
  /** What the machine's own package sources would install. */
  readonly offered?: string;
}

/** A version of RabbitMQ, such as `3.10.8-1.1+deb12u1`, or only its series; and how it is known. */
export interface RabbitmqVersion {
  readonly version: string;
  readonly from: "pinned" | "installed" | "offered" | "expected";
}

type Packages = Pick<PackageSources, "brokerVersion" | "rpms" | "repository">;

/**
 * @param found what each broker's machine has and is offered; none where no machine was asked
 * @returns the version that runs after `up`: the stated one, else the oldest that a broker has, else the oldest that one
 * would install, else what the system's packages are known to be
 */
export function rabbitmqVersion(
  os: OperatingSystem,
  packages: Packages,
  found: readonly BrokerPackage[] = [],
): RabbitmqVersion {
  if (packages.brokerVersion !== undefined) return { version: packages.brokerVersion, from: "pinned" };
  const installed = oldest(found.map((each) => each.installed));
  if (installed !== undefined) return { version: installed, from: "installed" };
  const stated = statedVersion(packages);
  if (stated !== undefined) return { version: stated, from: "pinned" };
  const offered = oldest(found.map((each) => each.offered));
  if (offered !== undefined) return { version: offered, from: "offered" };
  return { version: systems[os].rabbitmq, from: "expected" };
}

/** @returns the repository's series, or the version in the name of an RPM; undefined if neither is stated */
export function statedVersion({ rpms, repository }: Packages): string | undefined {
  if (repository !== undefined) return repository.series;
  return /\/rabbitmq-server-(\d+\.\d+\.[\w.~-]+?)\.(?:noarch\.)?rpm$/.exec(rpms?.rabbitmq.url ?? "")?.[1];
}

function oldest(versions: readonly (string | undefined)[]): string | undefined {
  const known = versions.flatMap((version) => {
    const series = version === undefined ? undefined : seriesNameOf(version);
    return version === undefined || series === undefined ? [] : [{ version, series }];
  });
  return known.sort((a, b) => compareSeries(a.series, b.series))[0]?.version;
}

/** @returns what that version can do */
export function abilitiesOf({ version }: RabbitmqVersion): Series {
  const series = seriesOf(version);
  if (series === undefined) throw new Error(`${version} is no version of RabbitMQ`);
  return series;
}

/** @returns the version with how it is known, such as `RabbitMQ 3.10.8-1 (installed)` */
export function describeRabbitmq({ version, from }: RabbitmqVersion, os: OperatingSystem): string {
  const how: Readonly<Record<RabbitmqVersion["from"], string>> = {
    pinned: "as packages.rabbitmq states",
    installed: "installed",
    offered: "offered by the machines' package sources",
    expected: `as ${os} is known to install`,
  };
  return `RabbitMQ ${version} (${how[from]})`;
}

export interface SupportNotice {
  readonly text: string;
  readonly hasEnded: boolean;
}

/**
 * @param today `YYYY-MM-DD`
 * @returns until when the version has community support, and what to take instead if that has ended
 */
export function supportNotice(rabbitmq: RabbitmqVersion, os: OperatingSystem, today: string): SupportNotice {
  const series = abilitiesOf(rabbitmq);
  const what = describeRabbitmq(rabbitmq, os);
  const name = seriesNameOf(rabbitmq.version) ?? "";
  if (compareSeries(name, series.series) > 0) {
    const text = `${what}: newer than ${series.series}, the newest series that this program knows; what it assumes of it holds for ${series.series}.`;
    return { text, hasEnded: false };
  }
  if (series.supportEnds >= today) {
    return { text: `${what}: community support until ${day(series.supportEnds)}.`, hasEnded: false };
  }
  const text = `${what}: community support ended on ${day(series.supportEnds)}. ${replacement(rabbitmq, today)}.`;
  return { text, hasEnded: true };
}

function replacement({ from }: RabbitmqVersion, today: string): string {
  const supported = allSeries.findLast(({ supportEnds }) => supportEnds >= today);
  if (supported === undefined) return "https://www.rabbitmq.com/release-information says which series has it";
  const { series, supportEnds } = supported;
  if (from === "installed") return `${series} has it until ${day(supportEnds)}: docs/rolling.md`;
  return `${series} has it until ${day(supportEnds)}: packages.rabbitmq.repository, see docs/systems.md`;
}

/** `31 July 2023`, of `2023-07-31` */
function day(date: string): string {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" }).format(new Date(date));
}
