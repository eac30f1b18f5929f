/** The goals of a trial. The limits are fixed, and the same for every computer and every run. */
import type { Goals } from "./faults/fault.ts";
import { trafficOf, type TrialFigures } from "./trial-result.ts";

/** Seconds after healing, or after a host's return, in which the system has to be healthy without help. */
const healthyWithinSeconds = 60;

const formatSeconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

/** @returns a missed goal unless the event happened in time */
function checkTime(what: string, milliseconds: number | undefined, seconds: number): string[] {
  if (milliseconds === undefined) return [`${what}: not at all, goal ${seconds} s`];
  return milliseconds <= seconds * 1000 ? [] : [`${what}: ${formatSeconds(milliseconds)}, goal ${seconds} s`];
}

/** @returns the missed goals, each with the measured value */
export function findMissedGoals(goals: Goals, figures: TrialFigures): string[] {
  const missed: string[] = [];
  for (const [kind, { confirmed, lost, stoodStill }] of trafficOf(figures)) {
    if (confirmed === 0) missed.push(`no message was confirmed on the ${kind} queues`);
    if (lost > 0)
      missed.push(`${lost} of ${confirmed} confirmed messages lost on the ${kind} queues, goal 0`);
    if (goals.publishingSeconds !== undefined) {
      missed.push(
        ...checkTime(`a publisher stood still on the ${kind} queues`, stoodStill, goals.publishingSeconds),
      );
    }
  }
  missed.push(...(figures.missing ?? []));
  if (goals.addressSeconds !== undefined) {
    missed.push(...checkTime("one and only one holder", figures.oneHolder, goals.addressSeconds));
    missed.push(
      ...checkTime("new clients not served through the address", figures.unserved, goals.addressSeconds),
    );
  }
  if (figures.oneHolderAfter === undefined) missed.push("at the end there was not one and only one holder");
  if (goals.mustBeNoticed !== false && figures.noticed.length === 0) missed.push("verify did not notice");
  const state = figures.complaints.length === 0 ? "" : ` (${figures.complaints.join("; ")})`;
  missed.push(...checkTime(`whole again${state}`, figures.whole, healthyWithinSeconds));
  if (figures.nextUp !== undefined && figures.nextUp.code !== 0) {
    missed.push(`the next up ended with ${figures.nextUp.code}: ${figures.nextUp.summary}`);
  }
  return missed;
}
