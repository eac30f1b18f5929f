/** What has to hold. The bounds are fixed, and the same for every machine and every run. */
import type { Goals } from "./faults/fault.ts";
import { kinds } from "./load.ts";
import type { Figures } from "./row.ts";

/** Seconds after the healing, or the machine's return, in which the system is whole again without a human. */
const wholeWithin = 60;

const inSeconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

/** @returns a complaint unless it happened, and in time */
function late(what: string, milliseconds: number | undefined, seconds: number): string[] {
  if (milliseconds === undefined) return [`${what}: not at all, goal ${seconds} s`];
  return milliseconds <= seconds * 1000 ? [] : [`${what}: ${inSeconds(milliseconds)}, goal ${seconds} s`];
}

/** @returns the goals that were missed, each with what was found instead */
export function judge(goals: Goals, figures: Figures): string[] {
  const missed: string[] = [];
  for (const kind of kinds) {
    const { confirmed, lost, stoodStill } = figures.traffic[kind];
    if (confirmed === 0) missed.push(`no message was confirmed on the ${kind} queues`);
    if (lost > 0)
      missed.push(`${lost} of ${confirmed} confirmed messages lost on the ${kind} queues, goal 0`);
    if (goals.publishing !== undefined) {
      missed.push(...late(`a publisher stood still on the ${kind} queues`, stoodStill, goals.publishing));
    }
  }
  if (goals.address !== undefined) {
    missed.push(...late("one and only one holder", figures.oneHolder, goals.address));
    missed.push(...late("new clients not served through the address", figures.unserved, goals.address));
  }
  if (figures.oneHolderAfter === undefined) missed.push("at the end there was not one and only one holder");
  if (goals.noticed !== false && figures.noticed.length === 0) missed.push("verify did not notice");
  const state = figures.complaints.length === 0 ? "" : ` (${figures.complaints.join("; ")})`;
  missed.push(...late(`whole again${state}`, figures.whole, wholeWithin));
  if (figures.nextUp !== undefined && figures.nextUp.code !== 0) {
    missed.push(`the next up ended with ${figures.nextUp.code}: ${figures.nextUp.summary}`);
  }
  return missed;
}
