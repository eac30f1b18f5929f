/** What each series of RabbitMQ can do: the one table, rabbitmq-series.json, which the program on the hosts reads too. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A row of the table. The sources of each column are in the table itself. */
export interface Series {
  /** Such as `3.10`. */
  readonly series: string;
  /** The day on which community support ends or has ended, `YYYY-MM-DD`. */
  readonly supportEnds: string;
  readonly hasMirrors: boolean;
  readonly hasRamNodes: boolean;
  /** Whether the cluster's tables can be in Mnesia; if so, `cluster_partition_handling` applies. */
  readonly hasMnesia: boolean;
  readonly hasKhepri: boolean;
  readonly khepriByDefault: boolean;
  readonly locksFeatureFlags: boolean;
  readonly streamsForgetMembers: boolean;
  /** The widest scope in which a default queue type can be set. */
  readonly defaultQueueType: "none" | "virtual host" | "node";
  readonly hasQuorumPolicies: boolean;
  readonly limitsDeliveries: boolean;
  readonly hasReadinessCheck: boolean;
  /** The series to which a rolling upgrade leads. */
  readonly upgradesTo: readonly string[];
  /** The lowest patch release from which that is possible. */
  readonly upgradesFromPatch: number;
  /** The lowest and the highest release of Erlang with which it runs, since one of its patch releases. */
  readonly erlang: readonly { readonly sincePatch: number; readonly from: number; readonly to: number }[];
  /** Deprecated features that it denies unless `deprecated_features.permit` allows them. */
  readonly denies: readonly string[];
  /** Deprecated features that it no longer has. */
  readonly removes: readonly string[];
}

/** The table's path, below this folder. */
export const seriesTablePath: string = join(import.meta.dirname, "rabbitmq-series.json");

/** All series, the oldest first. */
export const allSeries: readonly Series[] = (
  JSON.parse(readFileSync(seriesTablePath, "utf8")) as { series: Series[] }
).series;

/** @returns the series of a version such as `3.10.8-1.1+deb12u1` or `1:4.0.5-6`; undefined if it names none */
export function seriesNameOf(version: string): string | undefined {
  return /^(?:\d+:)?(\d+\.\d+)(?![\d])/.exec(version)?.[1];
}

/**
 * @returns what a version of RabbitMQ can do. A version newer than the table counts as the newest series in it, an
 * older one as the oldest; undefined if the text is no version
 */
export function seriesOf(version: string): Series | undefined {
  const name = seriesNameOf(version);
  if (name === undefined) return undefined;
  const known = allSeries.findLast(({ series }) => compareSeries(series, name) <= 0);
  return known ?? allSeries[0];
}

/** @returns a negative number if the first series is older, a positive one if it is newer, 0 if they are the same */
export function compareSeries(first: string, second: string): number {
  const [major = 0, minor = 0] = first.split(".").map(Number);
  const [otherMajor = 0, otherMinor = 0] = second.split(".").map(Number);
  return major - otherMajor || minor - otherMinor;
}
