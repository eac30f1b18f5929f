/** What a repair prints: what it will do, what it leaves to the user, and the result. */
import { labPodman } from "../hosts/lab-podman.ts";
import { type Finding, nameOf } from "../verify/finding.ts";
import { alignColumns } from "../verify/table.ts";
import type { SkippedItem, RepairPlan } from "./repair-plan.ts";

/** @returns the findings' names, grouped by check */
function listFindings(findings: readonly Finding[]): string {
  const subjects = Map.groupBy(findings, ({ check }) => check);
  return [...subjects]
    .map(([check, found]) => `${check} on ${found.map(({ subject }) => subject).join(", ")}`)
    .join("; ");
}

/** @returns which resources are re-run, and for which findings */
export function planMessage({ reruns }: RepairPlan): string {
  if (reruns.length === 0)
    return "No resource can be re-run for the failed checks; the update does the rest.";
  const lines = reruns.flatMap(({ name, findings, prerequisites }) => [
    `  ${name}`,
    `    for ${listFindings(findings)}`,
    ...(prerequisites.length === 0 ? [] : [`    after its prerequisites: ${prerequisites.join(", ")}`]),
  ]);
  return ["To re-run:", ...lines].join("\n");
}

/** @returns one item that is not repaired, why, and what to do instead */
function skippedItemMessage({ kind, name, findings, resources }: SkippedItem, lab: boolean): string {
  const [reason] = findings;
  switch (kind) {
    case "has undo":
      return `${name} (for ${listFindings(findings)}) has an undo, so a repair never replaces it: the undo would run first, and a machine would lose its data.`;
    case "missing":
      return `${name} (for ${listFindings(findings)}) is not in the stack's state. The update creates it if the program declares it.`;
    case "still failing":
      return `${name} was re-run, and its checks still fail. Look for the cause in the other failed rows, or in the journal of its host.`;
    case "unreachable": {
      const skipped = resources.length === 0 ? "" : `; skipped: ${resources.join(", ")}`;
      const { detail = "" } = findings.find(({ check }) => check === "services") ?? reason ?? {};
      const remedy = lab
        ? `Switch it on by "${labPodman} start ${name}"`
        : "Switch it on, or make it reachable";
      return `${name} cannot be logged in to (${detail}), so nothing is re-run on it${skipped}. ${remedy}; its services start with it.`;
    }
    case "needs operator": {
      const { advice = "see what the check found", detail = "" } = reason ?? {};
      return `${listFindings(findings)} (${detail}): no resource repairs this; ${advice}.`;
    }
  }
}

/** @returns what is not repaired, a paragraph per item; empty if there is nothing */
export function skippedMessage({ skipped }: RepairPlan, lab: boolean): string {
  if (skipped.length === 0) return "";
  return ["Left to you:", ...skipped.map((each) => `  - ${skippedItemMessage(each, lab)}`)].join("\n");
}

/** @returns a table of the checks that had failed, with their resources and their result now */
export function repairTable(before: readonly Finding[], after: readonly Finding[]): string {
  const rows = before
    .filter((finding) => !finding.ok)
    .map((finding) => {
      const { check, subject, resourcesToRerun, detail } = finding;
      const now = after.find((each) => nameOf(each) === nameOf(finding));
      return [
        check,
        subject,
        now?.ok === true ? "whole" : "FAILED",
        resourcesToRerun.join(", ") || "-",
        detail,
      ];
    });
  return alignColumns([["check", "on", "now", "resources", "before the repair"], ...rows]);
}
