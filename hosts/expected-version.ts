/**
 * Which RabbitMQ a stack will have, as far as its configuration tells. This file is the one place that concludes it from
 * the system instead of from what the sources offer.
 */
import type { OperatingSystem } from "./host.ts";
import { seriesOf, type Series } from "./rabbitmq-series.ts";

/** The version that each system's sources have: docs/systems.md. */
const versions: Readonly<Record<OperatingSystem, string>> = {
  "debian-12": "3.10.8",
  "debian-13": "4.0.5",
  "ubuntu-24.04": "3.12.1",
  "rocky-8": "3.13.7",
  "rocky-9": "3.13.7",
  "centos-7": "3.9.16",
};

/** A version of RabbitMQ, and what its series can do. */
export interface ExpectedVersion {
  readonly version: string;
  readonly series: Series;
}

/** @param stated `packages.rabbitmq.version`, which decides */
export function expectedVersion(os: OperatingSystem, stated?: string): ExpectedVersion {
  const version = stated !== undefined && seriesOf(stated) !== undefined ? stated : versions[os];
  const series = seriesOf(version);
  if (series === undefined) throw new Error(`${version} is not a version of RabbitMQ`);
  return { version, series };
}

/** @returns whether rabbitmq.conf knows `default_queue_type`, as from 3.13.3 on */
export function hasNodeQueueType({ version, series }: ExpectedVersion): boolean {
  return series.defaultQueueType === "node" && !/^(\d+:)?3\.13\.[0-2](?!\d)/.test(version);
}
