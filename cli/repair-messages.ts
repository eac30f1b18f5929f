/** What a repair says to a person: before it, what it is going to do; after it, what it did. */
import type { Finding } from "../verify/finding.ts";
import { aligned } from "../verify/table.ts";
import type { Left, Plan } from "./repair-plan.ts";

/** @returns the findings' names, those of one check together */
function titles(findings: readonly Finding[]): string {
  const subjects = Map.groupBy(findings, ({ check }) => check);
  return [...subjects]
    .map(([check, found]) => `${check} on ${found.map(({ subject }) => subject).join(", ")}`)
    .join("; ");
}

/** @returns what is run again and for which findings */
export function planWords({ reruns }: Plan): string {
  if (reruns.length === 0)
    return "No resource can be run again for what is not whole; the update does the rest.";
  const lines = reruns.flatMap(({ name, reasons, first }) => [
    `  ${name}`,
    `    for ${titles(reasons)}`,
    ...(first.length === 0 ? [] : [`    after what it stands on: ${first.join(", ")}`]),
  ]);
  return ["Run again:", ...lines].join("\n");
}

const inContainer = "CONTAINERS_CONF=/var/lib/rabbitmq-ha-lab/containers.conf podman";

/** @returns one thing that is not done, why, and what to do instead */
function leftWords({ kind, name, reasons, resources }: Left, lab: boolean): string {
  const [reason] = reasons;
  switch (kind) {
    case "undone":
      return `${name} (for ${titles(reasons)}) has an undo, so it is never replaced here: that would undo it first, and a machine would lose its data.`;
    case "missing":
      return `${name} (for ${titles(reasons)}) is not in the stack's state. The update makes whatever of the program is not there yet.`;
    case "in vain":
      return `${name} was run again and that did not mend it. What is behind it may be in a row that names something else, or in the journal of its host.`;
    case "unreachable": {
      const out = resources.length === 0 ? "" : `: left out are ${resources.join(", ")}`;
      const { detail = "" } = reasons.find(({ check }) => check === "services") ?? reason ?? {};
      const on = lab
        ? `Switch it on by "${inContainer} start ${name}"`
        : "Switch it on, or let it be reached";
      return `${name} cannot be logged in to (${detail}), so nothing is run again on it${out}. ${on}; its services start with it.`;
    }
    case "unmendable": {
      const { advice = "what was found says what to look at", detail = "" } = reason ?? {};
      return `${titles(reasons)} (${detail}): no resource mends that; ${advice}.`;
    }
  }
}

/** @returns what is not done, a paragraph each; empty where there is nothing */
export function leftOut({ left }: Plan, lab: boolean): string {
  if (left.length === 0) return "";
  return ["Left to you:", ...left.map((each) => `  - ${leftWords(each, lab)}`)].join("\n");
}

/** @returns a table of what was found broken, with what was named for it and whether it is whole now */
export function mended(before: readonly Finding[], after: readonly Finding[]): string {
  const rows = before
    .filter(({ whole }) => !whole)
    .map(({ check, subject, rerun, detail }) => {
      const now = after.find((finding) => finding.check === check && finding.subject === subject);
      return [check, subject, now?.whole === true ? "whole" : "FAILED", rerun.join(", ") || "-", detail];
    });
  return aligned([["check", "on", "now", "behind it", "before the repair"], ...rows]);
}
