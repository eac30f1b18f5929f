/** What `restore` says: what a backup would make and change, and what it leaves. */
import {
  categories,
  countOf,
  type Entry,
  keyOf,
  labelOf,
  listNames,
  nameOf,
} from "../../definitions/exported-definitions.ts";
import type { Difference } from "../../definitions/difference.ts";
import { type Adapted, goesBack, type LeftOut } from "../../definitions/series.ts";
import type { BackupLabel } from "./encrypted-file.ts";

/** How many names of a kind are written out where a number is enough. */
const shownNames = 8;

/** @param version of the RabbitMQ that runs */
export function titleMessage(file: string, label: BackupLabel, stack: string, version: string): string {
  const made = label.made.replace("T", " ").replace(/\.\d+Z$/, " UTC");
  const other =
    label.stack === stack ? "" : `\nIt is of another stack: ${label.stack} (${label.clusterName}).`;
  const back = goesBack(label.rabbitmqVersion, version)
    ? "\nIt is of a later series of RabbitMQ; what this one does not know, it refuses by name."
    : "";
  return `${file}: stack ${label.stack}, RabbitMQ ${label.rabbitmqVersion}, made ${made}\nonto stack ${stack}, RabbitMQ ${version}${other}${back}`;
}

export function differenceMessage(difference: Difference, adapted: Adapted): string {
  const { made, changed, equal, conflicting, leftOut, untouched } = difference;
  return [
    section("made", made, true),
    section("changed", changed, false),
    section("exists with other properties, which cannot be changed, and stays", conflicting, false),
    reasons("left out", [...adapted.leftOut, ...leftOut]),
    reasons("made without a part of it", adapted.shortened),
    section("there already", equal, true),
    section("not in the file, and stays", untouched, true),
  ]
    .filter((text) => text !== "")
    .join("\n");
}

/** @param isLong whether a part of the names is enough */
function section(title: string, entries: readonly Entry[], isLong: boolean): string {
  if (entries.length === 0) return "";
  const lines = categories.flatMap((category) => {
    const names = entries.filter((entry) => entry.category === category).map(nameOf);
    if (names.length === 0) return [];
    const most = isLong ? shownNames : names.length;
    return [`  ${countOf(category, names.length)}: ${listNames(names, most)}`];
  });
  return `${title}:\n${lines.join("\n")}`;
}

function reasons(title: string, entries: readonly LeftOut[]): string {
  if (entries.length === 0) return "";
  const lines = entries.map((entry) => `  ${labelOf(entry)}: ${entry.reason}`);
  return `${title}:\n${lines.join("\n")}`;
}

/** @returns a line for each object that the cluster lacks after a restore, with the broker's words */
export function refusalMessage(
  missing: readonly Entry[],
  refused: readonly {
    readonly category: string;
    readonly object: Entry["object"];
    readonly reason: string;
  }[],
): string {
  const words = new Map(
    refused.map(({ category, object, reason }) => [keyOf({ category, object } as Entry), reason]),
  );
  const lines = missing.map(
    (entry) => `  ${labelOf(entry)}: ${words.get(keyOf(entry)) ?? "the broker gives no reason; see its log"}`,
  );
  return `The cluster did not take:\n${lines.join("\n")}`;
}
