/** Runs the trials of all faults, one after the other, on a separate lab. */
import { UserError } from "../../user-error.ts";
import { readCommit } from "../documents/commit.ts";
import { LabStack } from "../stacks/lab-stack.ts";
import { tail } from "../stacks/running-up.ts";
import { readOutputs, type System } from "../../verify/outputs.ts";
import { trustAuthorities } from "../../verify/trust.ts";
import { defaultLoad, isByTls } from "./load.ts";
import { type ChaosOptions, settingsOf } from "./options.ts";
import type { TrialResult } from "./trial-result.ts";
import { describeEnvironment, readRabbitmqVersion } from "./environment.ts";
import { mergeRun, readRuns, writeRuns } from "./results.ts";
import { legend, terminalTable } from "./table.ts";
import { runTrial } from "./trial.ts";
import { findProblems } from "./health.ts";

/** Seconds to wait for a healthy system after each fault; longer than the goal, so that a miss has a figure too. */
const healthyTimeoutSeconds = 150;

/** Logs progress to standard error; standard output is for the table. */
function logProgress(line: string): void {
  process.stderr.write(`chaos: ${line}\n`);
}

/** @returns the exit code: 0 only if every goal is met, 130 when interrupted */
export async function runSuite(options: ChaosOptions): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (): void => {
    logProgress("interrupted; removing the lab");
    interrupt.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const lab = new LabStack({ name: "c", net: 61, release: options.release });
  try {
    const rows = await runTrials(lab, options, interrupt.signal);
    return rows.every(({ missed }) => missed.length === 0) ? 0 : 1;
  } catch (error) {
    if (interrupt.signal.aborted) return 130;
    throw error;
  } finally {
    if (options.keep && !interrupt.signal.aborted)
      logProgress(`the lab is kept: stack ${lab.stack}, ${lab.hosts.join(", ")}`);
    else await lab.close();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

async function runTrials(lab: LabStack, options: ChaosOptions, signal: AbortSignal): Promise<TrialResult[]> {
  let system = await createLab(lab, options);
  const rabbitmq = await readRabbitmqVersion(system);
  const notes = await describeEnvironment(system, defaultLoad);
  const commit = await readCommit();
  const rows: TrialResult[] = [];
  const earlier = options.json === undefined ? [] : await readRuns(options.json);
  const trials = options.faults.flatMap((fault) => Array.from({ length: options.times }, () => fault));
  for (const fault of trials) {
    signal.throwIfAborted();
    logProgress(`${fault.name} (${rows.length + 1} of ${trials.length}): ${fault.description}`);
    // In an unhealthy system the figures would include the fault before.
    if (rows.length > 0 && (await findProblems(system, [])).length > 0) {
      logProgress("the system is still not healthy; replacing the lab");
      system = await createLab(lab, options);
    }
    const row = await runTrial({
      lab,
      system,
      commit,
      fault,
      load: defaultLoad,
      runsNextUp: true,
      healthyTimeoutSeconds,
      signal,
      logProgress,
    });
    rows.push(row);
    for (const miss of row.missed) logProgress(`${fault.name}: MISSED: ${miss}`);
    if (row.logs !== "") process.stderr.write(`${row.logs}\n`);
    // After each trial, so that an interrupted run keeps its results.
    const tls = isByTls(system) || undefined;
    await writeRuns(
      options,
      mergeRun(earlier, { rabbitmq, queues: system.queues ?? "mirrored", tls, notes, rows }),
    );
  }
  process.stdout.write(`${terminalTable(rows)}\n\n${[...legend, ...notes].join("\n")}\n`);
  return rows;
}

/** Creates a new lab, after removing the one before it. */
async function createLab(lab: LabStack, options: ChaosOptions): Promise<System> {
  logProgress(`creating a lab with RabbitMQ ${options.release.version} (usually 1–2 minutes)`);
  await lab.close();
  await lab.open(settingsOf(options));
  const { code, output } = await lab.npm("up");
  if (code !== 0) throw new UserError(`the lab did not come up:\n${tail(output)}`);
  return readSystem(lab);
}

/** @returns the system described by the stack's outputs */
export async function readSystem(lab: LabStack): Promise<System> {
  const json = await lab.pulumi("stack", "output", "--json", "--show-secrets");
  const system = readOutputs(json, lab.stack);
  if (system === undefined) throw new Error(`stack ${lab.stack} has no outputs`);
  trustAuthorities(system);
  return system;
}
