/** All faults, one after the other, on a lab of their own. */
import { readFile } from "node:fs/promises";
import { UserError } from "../../user-error.ts";
import { writeDocument } from "../labs/document.ts";
import { LabStack } from "../labs/lab-stack.ts";
import { tail } from "../labs/running.ts";
import { readOutputs, type System } from "../../verify/outputs.ts";
import { usual } from "./load.ts";
import { faults } from "./faults/index.ts";
import type { Options } from "./options.ts";
import type { Row } from "./row.ts";
import { surroundings } from "./surroundings.ts";
import { legend, markdown, text } from "./table.ts";
import { trial } from "./trial.ts";
import { complaintsOf } from "./whole.ts";

/** Seconds that each fault is given to be whole again, so that also a missed goal has a figure. */
const patience = 150;

/** Says where the run is; standard output belongs to the table. */
function say(line: string): void {
  process.stderr.write(`chaos: ${line}\n`);
}

/** @returns the exit code: 0 only if every goal holds, 130 when it was interrupted */
export async function suite(options: Options): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (): void => {
    say("interrupted; the lab is taken away");
    interrupt.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const lab = new LabStack({ name: "c", net: 61 });
  try {
    const rows = await runAll(lab, options, interrupt.signal);
    return rows.every(({ missed }) => missed.length === 0) ? 0 : 1;
  } catch (error) {
    if (interrupt.signal.aborted) return 130;
    throw error;
  } finally {
    if (options.keep && !interrupt.signal.aborted)
      say(`the lab stays: stack ${lab.stack}, ${lab.hosts.join(", ")}`);
    else await lab.close();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

async function runAll(lab: LabStack, options: Options, signal: AbortSignal): Promise<Row[]> {
  let system = await fresh(lab);
  const notes = await surroundings(system, usual);
  const rows: Row[] = [];
  const kept = await earlier(options);
  const trials = options.faults.flatMap((fault) => Array.from({ length: options.times }, () => fault));
  for (const fault of trials) {
    signal.throwIfAborted();
    say(`${fault.name} (${rows.length + 1} of ${trials.length}): ${fault.what}`);
    // A system that is not whole would be measured for what was done to it before.
    if (rows.length > 0 && (await complaintsOf(system, [])).length > 0) {
      say("the system is still not whole, so it goes");
      system = await fresh(lab);
    }
    const row = await trial({ lab, system, fault, load: usual, nextUp: true, patience, signal, say });
    rows.push(row);
    for (const miss of row.missed) say(`${fault.name}: MISSED: ${miss}`);
    if (row.logs !== "") process.stderr.write(`${row.logs}\n`);
    await record(options, inOrder([...kept, ...rows]), notes);
  }
  process.stdout.write(`${text(rows)}\n\n${[...legend, ...notes].join("\n")}\n`);
  return rows;
}

/** A new lab, also in the place of one that is there. */
async function fresh(lab: LabStack): Promise<System> {
  say("bringing a lab up (usually 1–2 minutes)");
  await lab.close();
  await lab.open();
  const { code, output } = await lab.npm("up");
  if (code !== 0) throw new UserError(`the lab did not come up:\n${tail(output)}`);
  return systemOf(lab);
}

/** @returns the system that the stack's outputs describe */
export async function systemOf(lab: LabStack): Promise<System> {
  const json = await lab.pulumi("stack", "output", "--json", "--show-secrets");
  const system = readOutputs(json, lab.stack);
  if (system === undefined) throw new Error(`stack ${lab.stack} has no outputs`);
  return system;
}

/** @returns what an earlier run wrote to the same file of the faults that are not made now */
async function earlier({ json, faults: now }: Options): Promise<Row[]> {
  const text = json === undefined ? undefined : await readFile(json, "utf8").catch(() => undefined);
  if (text === undefined) return [];
  const { rows } = JSON.parse(text) as { readonly rows: readonly Row[] };
  return rows.filter(({ fault }) => !now.some(({ name }) => name === fault));
}

function inOrder(rows: readonly Row[]): Row[] {
  const place = (row: Row): number => faults.findIndex(({ name }) => name === row.fault);
  return rows.toSorted((one, other) => place(one) - place(other));
}

/** Writes the files anew after each fault, so that a run that is cut short leaves what it has. */
async function record(
  { json, markdown: file }: Options,
  rows: readonly Row[],
  notes: readonly string[],
): Promise<void> {
  if (json !== undefined) await writeDocument(json, JSON.stringify({ notes, legend, rows }), "json");
  if (file !== undefined) await writeDocument(file, markdown(rows, notes), "markdown");
}
