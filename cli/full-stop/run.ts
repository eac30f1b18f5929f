/** A full stop: all brokers stop, all are changed, all start. Any broker that does not answer ends it before a change. */
import { setTimeout as pause } from "node:timers/promises";
import { interNodeWords } from "../../hosts/inter-node.ts";
import { UserError } from "../../user-error.ts";
import { type Fault, faultLine, faultLines, tryEach } from "../from-hosts.ts";
import { lookAtAll, type Act, type Action, type BrokerState, type Change, type Cluster } from "./hosts.ts";
import { planFullStop, reasonsAgainst, type FullStopPlan } from "./plan.ts";

export interface FullStop {
  readonly cluster: Cluster;
  readonly change: Change;
  /** The command that completes it. */
  readonly command: string;
  readonly act: Act;
  /** Called with each thing that is done. */
  readonly tell: (line: string) => void;
}

/** How long after their start the brokers may need to see each other. */
const togetherSeconds = 120;

/**
 * Asks every broker's host; nothing is changed.
 * @throws UserError if one does not answer, or something speaks against a full stop that has not begun
 */
export async function planFor({ cluster, change, act }: FullStop): Promise<FullStopPlan> {
  const states = await lookAtAll(
    act,
    cluster,
    change,
    "nothing was done, since not every broker's host answers",
  );
  const plan = planFullStop(states, change.byTls);
  const reasons = reasonsAgainst(plan, states, change.byTls);
  if (reasons.length > 0)
    throw new UserError(`nothing was done, and no broker was stopped:\n${faultLines(reasons)}`);
  return plan;
}

/** @returns what the plan does, for a preview; no line if it does nothing */
export function describePlan({ stop, change, start }: FullStopPlan, { byTls }: Change): string[] {
  return [
    ...(stop.length === 0 ? [] : [`would stop one after the other: ${stop.join(", ")}`]),
    ...(change.length === 0
      ? []
      : [`would have them speak ${interNodeWords(byTls)} with each other: ${change.join(", ")}`]),
    ...(start.length === 0 ? [] : [`would start: ${start.join(", ")}`]),
  ];
}

/**
 * Does it. If a broker cannot be stopped, those that were stopped start again as before.
 * @returns the seconds from the first stop until all brokers see each other; undefined if there was nothing to do
 * @throws UserError if it could not be completed
 */
export async function carryOut(full: FullStop, plan: FullStopPlan): Promise<number | undefined> {
  if (plan.stop.length + plan.change.length + plan.start.length === 0) return undefined;
  const begun = performance.now();
  await stopAll(full, plan);
  await changeAll(full, plan);
  await start(full, plan);
  await awaitTogether(full);
  return Math.round((performance.now() - begun) / 1000);
}

async function stopAll(full: FullStop, plan: FullStopPlan): Promise<void> {
  const again = `once that is mended, run again: ${full.command}`;
  for (const [index, name] of plan.stop.entries()) {
    const [fault] = await onEach(full, "stop", [name]);
    if (fault === undefined) {
      full.tell(`${name} is stopped`);
      continue;
    }
    const why = faultLine(fault);
    if (!plan.canGoBack) throw new UserError(`the full stop is not complete: ${why}\n${again}`);
    full.tell(`${why}; nothing is changed, and the stopped brokers start as before`);
    // Those that a former run has stopped, too.
    const faults = await onEach(full, "start", plan.isNew ? plan.stop.slice(0, index + 1) : plan.stop);
    const silent = faults.length === 0 ? [] : [`not all start again:\n${faultLines(faults)}`];
    throw new UserError([`the full stop was given up: ${why}`, ...silent, again].join("\n"));
  }
}

/** Every broker is stopped and marked now; one that cannot be changed stays so, and a majority does without it. */
async function changeAll(full: FullStop, plan: FullStopPlan): Promise<void> {
  const faults = await onEach(full, "change", plan.change);
  if (faults.length === 0) return;
  const all = full.cluster.logins.length;
  if (2 * (all - faults.length) > all) {
    full.tell(`${faultLines(faults)}\nthe others start without`);
    const others = plan.start.filter((name) => !faults.some((fault) => fault.name === name));
    faults.push(...(await onEach(full, "start", others)));
  }
  throw new UserError(
    `the full stop is not complete:\n${faultLines(faults)}\nonce that is mended, run again: ${full.command}`,
  );
}

async function start(full: FullStop, { start: names }: FullStopPlan): Promise<void> {
  full.tell(`start: ${names.join(", ")}`);
  const faults = await onEach(full, "start", names);
  if (faults.length > 0)
    throw new UserError(
      `all brokers are changed, and not all serve:\n${faultLines(faults)}\nonce that is mended, run again: ${full.command}`,
    );
}

async function awaitTogether({ cluster, change, command, act }: FullStop): Promise<void> {
  const deadline = performance.now() + togetherSeconds * 1000;
  for (;;) {
    const answer = await lookAtAll(act, cluster, change, "not every host answers").catch((error: unknown) => {
      if (error instanceof UserError) return error;
      throw error;
    });
    const why =
      answer instanceof UserError
        ? answer.message
        : faultLines(answer.flatMap((state) => reasonApart(state, change)));
    if (why === "") return;
    if (performance.now() > deadline)
      throw new UserError(
        `all brokers were started, and do not see each other after ${togetherSeconds} s:\n${why}\n` +
          `once that is mended, run again: ${command}`,
      );
    await pause(500);
  }
}

function reasonApart({ name, apart, speaksTls }: BrokerState, { byTls }: Change): Fault[] {
  if (speaksTls !== byTls) return [{ name, reason: `does not speak ${interNodeWords(byTls)}` }];
  return apart === null ? [] : [{ name, reason: apart }];
}

/** Does the same on several hosts at once. @returns what failed */
async function onEach(
  { act, cluster, change }: FullStop,
  action: Action,
  names: readonly string[],
): Promise<Fault[]> {
  const logins = cluster.logins.filter(({ name }) => names.includes(name));
  return (await tryEach(logins, (login) => act(action, login, cluster, change))).faults;
}
