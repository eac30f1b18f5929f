/** Which version of RabbitMQ may follow which, by the table in rabbitmq-series.json; agent/series.py says the same, on the hosts. */
import { allSeries, compareSeries, seriesNameOf, type Series } from "./rabbitmq-series.ts";

/**
 * @param installed a version of RabbitMQ or of its package, such as `3.10.8-1.1+deb12u1`
 * @param wanted the version that is to follow it
 * @returns why a rolling upgrade does not lead from the one to the other, and the way; undefined if it does
 */
export function upgradeFault(installed: string, wanted: string): string | undefined {
  const [old, next] = [parse(installed), parse(wanted)];
  if (old === undefined) return `${installed} is not a version of RabbitMQ`;
  if (next === undefined) return `${wanted} is not a version of RabbitMQ`;
  const order = compareSeries(next.series, old.series);
  if (order < 0 || (order === 0 && next.patch < old.patch))
    return `a broker does not go back to an earlier version: give ${old.plain} or a later one`;
  if (order === 0) return undefined;
  const from = rowOf(old.series);
  if (from === undefined) return unknown(old.series);
  if (rowOf(next.series) === undefined) return unknown(next.series);
  const steps = way(from.series, next.series).slice(0, -1).map(atLeast);
  const between = old.patch < from.upgradesFromPatch ? [atLeast(from.series), ...steps] : steps;
  if (between.length === 0) return undefined;
  return `from ${old.plain} to ${next.series} the way is: first ${[...between, next.series].join(", then ")}`;
}

function parse(version: string): { series: string; patch: number; plain: string } | undefined {
  const series = seriesNameOf(version);
  const plain = /^(?:\d+:)?(\d+\.\d+(?:\.(\d+))?)(?!\d)/.exec(version);
  if (series === undefined || plain?.[1] === undefined) return undefined;
  return { series, patch: Number(plain[2] ?? 0), plain: plain[1] };
}

function rowOf(series: string): Series | undefined {
  return allSeries.find((row) => row.series === series);
}

function unknown(series: string): string {
  return `this program knows no upgrade from or to ${series}: see whether a later release of it does`;
}

function atLeast(series: string): string {
  const patch = rowOf(series)?.upgradesFromPatch ?? 0;
  return patch === 0 ? series : `${series}.${String(patch)}`;
}

/** @returns the series of the shortest way, without the first one */
function way(start: string, end: string): string[] {
  const ways = [[start]];
  for (const each of ways) {
    const last = each.at(-1) ?? start;
    if (last === end) return each.slice(1);
    ways.push(...(rowOf(last)?.upgradesTo ?? []).map((following) => [...each, following]));
  }
  throw new Error(`the table has no way from ${start} to ${end}`);
}
