/** What a look says, for people. */
import { categories, countOf, labelOf, listNames } from "../definitions/exported-definitions.ts";
import type { Look } from "./look.ts";
import type { CarriedQueue, Finding } from "./plan.ts";
import { assumedRates } from "./rates.ts";

/** How many names of a finding are written out where the rest is a number. */
const shownSubjects = 6;
/** How many queues are written out, those with most messages first. */
const shownQueues = 20;

export function lookMessage(look: Look): string {
  const { from, to, path, plan, findings, estimate } = look;
  const blocks = findings.filter(({ isBlocking }) => isBlocking);
  const others = findings.filter(({ isBlocking }) => !isBlocking);
  return [
    `stack ${from.stack}, RabbitMQ ${from.version} → stack ${to.stack}, RabbitMQ ${to.version}\n  ${path}`,
    section("has to be done before", blocks),
    movesMessage(look),
    section(
      "becomes something else",
      others.filter(({ outcome }) => outcome === "becomes"),
    ),
    section(
      "cannot come along",
      others.filter(({ outcome }) => outcome === "cannot"),
    ),
    laterMessage(look),
    queueTable(plan.queues),
    `about ${secondsMessage(estimate.seconds)} for ${number(estimate.messages)} messages and ${size(estimate.bytes)}, at an assumed ${number(assumedRates.messagesPerSecond)} messages and ${size(assumedRates.bytesPerSecond)} a second;\nwhat clients publish meanwhile comes on top`,
    blocks.length === 0
      ? "Nothing was done. Nothing stands against the migration."
      : `Nothing was done. ${blocks.length === 1 ? "One thing has" : `${blocks.length} things have`} to be done before the migration.`,
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

function section(title: string, findings: readonly Finding[]): string {
  if (findings.length === 0) return "";
  return `${title}:\n${findings.map(findingMessage).join("\n")}`;
}

function findingMessage({ subjects, what, why, remedy }: Finding): string {
  const names = subjects.length === 0 ? "" : `${listNames(subjects, shownSubjects)}: `;
  return `  ${names}${what}\n      ${why}${remedy === undefined ? "" : `\n      → ${remedy}`}`;
}

function movesMessage({ plan }: Look): string {
  const counts = categories.flatMap((category) => {
    const moved = plan.moves.filter((entry) => entry.category === category).length;
    return moved === 0 ? [] : [countOf(category, moved)];
  });
  return counts.length === 0 ? "" : `moves as it is:\n  ${counts.join(", ")}`;
}

function laterMessage({ plan }: Look): string {
  const count = plan.later.parameters.length;
  return count === 0 ? "" : `made in NEW only at the end:\n  ${countOf("parameters", count)}`;
}

function queueTable(queues: readonly CarriedQueue[]): string {
  if (queues.length === 0) return "There is no queue to carry.";
  const total = ({ depth }: CarriedQueue): number => (depth?.ready ?? 0) + (depth?.unacknowledged ?? 0);
  const sorted = [...queues].sort((one, other) => total(other) - total(one));
  const header = ["queue", "from", "to", "ready", "unacknowledged", "consumers", "bytes"];
  const rows = sorted.slice(0, shownQueues).map(({ vhost, name, from, to, depth }) => {
    const counts =
      depth === undefined
        ? ["?", "?", "?", "?"]
        : [...[depth.ready, depth.unacknowledged, depth.consumers].map(number), size(depth.bytes)];
    return [`${name} in ${vhost}`, from, to, ...counts];
  });
  const table = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) =>
        column < 3 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  "),
  );
  const more = queues.length - rows.length;
  return `${lines.map((line) => `  ${line}`).join("\n")}${more > 0 ? `\n  and ${more} more` : ""}`;
}

const number = (value: number): string => value.toLocaleString("en").replaceAll(",", " ");

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(1)} ${units[power - 1] ?? ""}`;
}

function secondsMessage(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} minutes` : `${(minutes / 60).toFixed(1)} hours`;
}

/** As JSON, without definitions: they have hashes of passwords, and addresses with passwords. */
export function lookJson({ from, to, path, findings, estimate, plan }: Look): string {
  const { queues, moves, later } = plan;
  return JSON.stringify(
    {
      from,
      to,
      path,
      findings,
      estimate: { ...estimate, assumed: assumedRates },
      moves: moves.map(labelOf),
      later: later.parameters.map((object) => labelOf({ category: "parameters", object })),
      queues,
    },
    undefined,
    2,
  );
}
