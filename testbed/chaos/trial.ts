/** One trial: a fault on a system under load is injected, healed and measured. */
import { setTimeout as pause } from "node:timers/promises";
import type { LabStack } from "../stacks/lab-stack.ts";
import type { System } from "../../verify/outputs.ts";
import { pollUntil } from "../../verify/polling.ts";
import type { Fault } from "./faults/fault.ts";
import { findMissedGoals } from "./goals.ts";
import { type QueueKind, Load, type LoadSettings } from "./load.ts";
import { readLogTails } from "../stacks/logs.ts";
import type { TrialFigures, UpResult, TrialResult, TrafficFigures } from "./trial-result.ts";
import { createTrialContext } from "./trial-context.ts";
import { maxHolders, type TimeSpan, oneHolderMs, unservedMs } from "./timeline.ts";
import { AddressWatch } from "./address-watch.ts";
import { findFailedChecks, waitUntilHealthy } from "./health.ts";

/** Seconds under load before the fault. */
const warmUpSeconds = 3;
/** Seconds from the fault until `verify` runs, unless the fault sets its own. */
const defaultVerifyAfterSeconds = 3;

export interface TrialArgs {
  readonly lab: LabStack;
  readonly system: System;
  /** The commit of the program, for the record. */
  readonly commit?: string | undefined;
  readonly fault: Fault;
  readonly load: LoadSettings;
  /** Seconds after healing in which the trial waits for a healthy system; the goal is shorter. */
  readonly healthyTimeoutSeconds: number;
  /** Whether to run `npm run up` afterwards and record what it does. */
  readonly runsNextUp: boolean;
  readonly signal: AbortSignal;
  /** Logs progress. */
  readonly logProgress: (line: string) => void;
}

/** @throws only when interrupted; a trial that fails by itself is a result with a missed goal */
export async function runTrial(args: TrialArgs): Promise<TrialResult> {
  const { fault, system, commit, signal } = args;
  const began = new Date();
  const names = (hosts: readonly { readonly name: string }[]): string[] => hosts.map(({ name }) => name);
  const hosts = { brokers: names(system.brokers), balancers: names(system.balancers) };
  const head = { fault: fault.name, what: fault.description, date: began.toISOString().slice(0, 10), commit };
  try {
    const figures = await measure(args, began);
    // Ctrl-C also ends the next `up`, which would count as a missed goal.
    signal.throwIfAborted();
    const missed = findMissedGoals(fault.goals, figures);
    const logs = missed.length === 0 ? "" : await readLogTails(hosts, began);
    return { ...head, figures, missed, logs };
  } catch (error) {
    signal.throwIfAborted();
    const missed = [`the trial itself failed: ${error instanceof Error ? error.message : String(error)}`];
    return { ...head, figures: undefined, missed, logs: await readLogTails(hosts, began) };
  }
}

async function measure(
  { lab, system, fault, load: settings, runsNextUp, healthyTimeoutSeconds, signal, logProgress }: TrialArgs,
  began: Date,
): Promise<TrialFigures> {
  const wait = (seconds: number): Promise<unknown> =>
    pause(Math.max(0, seconds) * 1000, undefined, { signal });
  const watch = new AddressWatch(system);
  const load = new Load(system, `${fault.name}-${began.getTime().toString(36)}`, settings);
  /** The steps that are still needed to undo the fault. */
  const pendingUndo: (() => Promise<void> | undefined)[] = [];
  try {
    await watch.start();
    await load.start();
    await wait(warmUpSeconds);
    await pollUntil(
      { timeoutSeconds: 10 },
      () => Promise.resolve(watch.holders.length),
      (count) => count === 1,
    );
    const [holder, ...others] = watch.holders;
    if (holder === undefined || others.length > 0) {
      throw new Error(
        `the virtual address was held by ${[holder, ...others].join(" and ") || "no balancer"} before the fault`,
      );
    }
    const context = createTrialContext(system, watch, holder);
    pendingUndo.push(
      () => fault.heal?.(context),
      () => fault.cleanUp?.(context),
    );
    await fault.inject(context);
    const faultAt = context.faultStartedAt ?? performance.now();
    logProgress(`${fault.name}: fault injected`);
    const elapsedSeconds = (): number => (performance.now() - faultAt) / 1000;
    await wait((fault.verifyAfterSeconds ?? defaultVerifyAfterSeconds) - elapsedSeconds());
    const noticed = await findFailedChecks(system);
    logProgress(
      `${fault.name}: verify ${noticed.length === 0 ? "finds nothing" : `finds ${noticed.join(", ")}`}`,
    );
    if (fault.heal !== undefined) await wait(fault.holdSeconds - elapsedSeconds());
    const healingAt = performance.now();
    await pendingUndo.shift()?.();
    const healedAt = fault.heal === undefined ? faultAt : performance.now();
    if (fault.heal !== undefined) logProgress(`${fault.name}: healed after ${elapsedSeconds().toFixed(0)} s`);
    const wholeness = await waitUntilHealthy(system, load.queues, healthyTimeoutSeconds, signal);
    await wait(fault.holdSeconds - elapsedSeconds());
    const end = performance.now();
    logProgress(
      `${fault.name}: ${wholeness.healthyAt === undefined ? "not healthy" : "healthy"} after ${elapsedSeconds().toFixed(0)} s`,
    );
    await pendingUndo.shift()?.();
    const missing = await load.stop();
    watch.stop();
    const faultSpan: TimeSpan = { from: faultAt, to: fault.heal === undefined ? end : healingAt };
    const healedSpan: TimeSpan = { from: fault.heal === undefined ? faultAt : healingAt, to: end };
    const all: TimeSpan = { from: faultAt, to: end };
    const traffic = (kind: QueueKind): TrafficFigures => {
      const { lost, ...balance } = load.ledgers[kind].balance();
      return {
        ...balance,
        lost: lost.length,
        longestGap: load.ledgers[kind].longestGapMs(all),
        longestSilence: load.ledgers[kind].longestSilenceMs(all),
        stoodStill: load.ledgers[kind].stoodStillMs(faultSpan),
        gapAfterHealing: load.ledgers[kind].longestGapMs(healedSpan),
      };
    };
    return {
      traffic: Object.fromEntries(load.kinds.map((kind) => [kind, traffic(kind)])),
      oneHolder: oneHolderMs(watch.changes, faultSpan),
      unserved: unservedMs(watch.probes, faultSpan),
      oneHolderAfter: oneHolderMs(watch.changes, healedSpan),
      missing: missing.length === 0 ? undefined : missing,
      mostHolders: maxHolders(watch.changes, all),
      whole: wholeness.healthyAt === undefined ? undefined : wholeness.healthyAt - healedAt,
      noticed,
      complaints: wholeness.problems,
      nextUp: runsNextUp && wholeness.healthyAt !== undefined ? await runNextUp(lab) : undefined,
    };
  } finally {
    // A trial that fails or is interrupted leaves no fault behind. Its own error is the one reported.
    for (const undo of pendingUndo) await Promise.resolve(undo()).catch(() => undefined);
    watch.stop();
    load.stopNow();
  }
}

async function runNextUp(lab: LabStack): Promise<UpResult> {
  const { code, output } = await lab.npm("up");
  const counts = [
    ...output.matchAll(/^\s+(?:[+~-]{1,2} )?(\d+ (?:created|updated|replaced|deleted|unchanged))/gm),
  ];
  return { code, summary: counts.map(([, count]) => count).join(", ") || "no summary" };
}
