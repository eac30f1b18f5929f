/** One fault on a system under load: made, healed, and what it came to. */
import { setTimeout as pause } from "node:timers/promises";
import type { LabStack } from "../labs/lab-stack.ts";
import type { System } from "../../verify/outputs.ts";
import { until } from "../../verify/patience.ts";
import type { Fault } from "./faults/fault.ts";
import { judge } from "./goals.ts";
import { type Kind, Load, type LoadSettings } from "./load.ts";
import { logTails } from "./logs.ts";
import type { Figures, NextUp, Row, Traffic } from "./row.ts";
import { stage } from "./scene.ts";
import { mostHolders, type Span, untilOneHolder, unserved } from "./timeline.ts";
import { Watch } from "./watch.ts";
import { failedChecks, untilWhole } from "./whole.ts";

/** Seconds of undisturbed work before the fault. */
const warmUp = 3;
/** Seconds from the fault until `verify` is asked, where the fault names none. */
const usualAsk = 3;

export interface TrialArgs {
  readonly lab: LabStack;
  readonly system: System;
  readonly fault: Fault;
  readonly load: LoadSettings;
  /** Seconds after the healing at which waiting for the system to be whole is given up; the goal is shorter. */
  readonly patience: number;
  /** Whether `npm run up` is run after it, to see what it does. */
  readonly nextUp: boolean;
  readonly signal: AbortSignal;
  /** Says where the trial is. */
  readonly say: (line: string) => void;
}

/** @throws only when it is interrupted; a trial that fails by itself is a row with a missed goal */
export async function trial(args: TrialArgs): Promise<Row> {
  const { fault, system, signal } = args;
  const began = new Date();
  const head = { fault: fault.name, what: fault.what, date: began.toISOString().slice(0, 10) };
  try {
    const figures = await measure(args, began);
    const missed = judge(fault.goals, figures);
    const logs = missed.length === 0 ? "" : await logTails(system, began);
    return { ...head, figures, missed, logs };
  } catch (error) {
    signal.throwIfAborted();
    const missed = [`the trial itself failed: ${error instanceof Error ? error.message : String(error)}`];
    return { ...head, figures: undefined, missed, logs: await logTails(system, began) };
  }
}

async function measure(
  { lab, system, fault, load: settings, nextUp, patience, signal, say }: TrialArgs,
  began: Date,
): Promise<Figures> {
  const wait = (seconds: number): Promise<unknown> =>
    pause(Math.max(0, seconds) * 1000, undefined, { signal });
  const watch = new Watch(system);
  const load = new Load(system, `${fault.name}-${began.getTime().toString(36)}`, settings);
  /** What is still to be done to take the fault back. */
  const left: (() => Promise<void> | undefined)[] = [];
  try {
    await watch.start();
    await load.start();
    await wait(warmUp);
    await until(
      { seconds: 10 },
      () => Promise.resolve(watch.holders.length),
      (count) => count === 1,
    );
    const [holder, ...others] = watch.holders;
    if (holder === undefined || others.length > 0) {
      throw new Error(`held by ${[holder, ...others].join(" and ") || "nobody"} before the fault`);
    }
    const scene = stage(system, watch, holder);
    left.push(
      () => fault.heal?.(scene),
      () => fault.tidy?.(scene),
    );
    await fault.inject(scene);
    const struck = scene.struckAt ?? performance.now();
    say(`${fault.name}: the fault is there`);
    const since = (): number => (performance.now() - struck) / 1000;
    await wait((fault.ask ?? usualAsk) - since());
    const noticed = await failedChecks(system);
    say(`${fault.name}: verify ${noticed.length === 0 ? "finds nothing" : `finds ${noticed.join(", ")}`}`);
    if (fault.heal !== undefined) await wait(fault.hold - since());
    const healing = performance.now();
    await left.shift()?.();
    const healed = fault.heal === undefined ? struck : performance.now();
    if (fault.heal !== undefined) say(`${fault.name}: healed after ${since().toFixed(0)} s`);
    const wholeness = await untilWhole(system, load.queues, patience, signal);
    await wait(fault.hold - since());
    const end = performance.now();
    say(`${fault.name}: ${wholeness.at === undefined ? "not whole" : "whole"} after ${since().toFixed(0)} s`);
    await left.shift()?.();
    await load.stop();
    watch.stop();
    const broken: Span = { from: struck, to: fault.heal === undefined ? end : healing };
    const after: Span = { from: fault.heal === undefined ? struck : healing, to: end };
    const all: Span = { from: struck, to: end };
    const traffic = (kind: Kind): Traffic => {
      const { lost, ...balance } = load.ledgers[kind].balance();
      return {
        ...balance,
        lost: lost.length,
        longestGap: load.ledgers[kind].longestGap(all),
        longestSilence: load.ledgers[kind].longestSilence(all),
        stoodStill: load.ledgers[kind].stoodStill(broken),
        gapAfterHealing: load.ledgers[kind].longestGap(after),
      };
    };
    return {
      traffic: { classic: traffic("classic"), quorum: traffic("quorum") },
      oneHolder: untilOneHolder(watch.changes, broken),
      unserved: unserved(watch.probes, broken),
      oneHolderAfter: untilOneHolder(watch.changes, after),
      mostHolders: mostHolders(watch.changes, all),
      whole: wholeness.at === undefined ? undefined : wholeness.at - healed,
      noticed,
      complaints: wholeness.complaints,
      nextUp: nextUp && wholeness.at !== undefined ? await upOnceMore(lab) : undefined,
    };
  } finally {
    // A trial that fails, or is interrupted, half-way leaves no fault behind; what it failed of is what is told.
    for (const undo of left) await Promise.resolve(undo()).catch(() => undefined);
    watch.stop();
    load.abandon();
  }
}

async function upOnceMore(lab: LabStack): Promise<NextUp> {
  const { code, output } = await lab.npm("up");
  const counts = [
    ...output.matchAll(/^\s+(?:[+~-]{1,2} )?(\d+ (?:created|updated|replaced|deleted|unchanged))/gm),
  ];
  return { code, summary: counts.map(([, count]) => count).join(", ") || "no summary" };
}
