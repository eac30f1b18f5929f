import { randomBytes } from "node:crypto";
import { outputsBecomeUnknown } from "./diff.ts";
import type { LocalInputs } from "./local-command.ts";
import type { Captured, OperationContext } from "./operation.ts";
import type { RemoteInputs } from "./remote-command.ts";
import type { ResourceType } from "./resource-types.ts";
import { makeUnknown, unwrapDeep, UNKNOWN, type WireMap } from "./wire.ts";

/** One resource of a known type. */
export interface Resource {
  readonly token: string;
  readonly type: ResourceType;
  readonly name: string;
}

const NO_OUTPUT: Captured = { stdout: "", stderr: "" };

/** The ID of a new resource: its name and eight hexadecimal digits. */
export function newId({ name }: Resource): string {
  return name + randomBytes(4).toString("hex");
}

/** A preview of a create runs nothing; outputs that are not inputs are unknown. */
export function previewCreate({ type }: Resource, inputs: WireMap): WireMap {
  const captured = type.outputs.filter((name) => name === "stdout" || name === "stderr");
  return { ...inputs, ...Object.fromEntries(captured.map((name) => [name, UNKNOWN])) };
}

export function previewUpdate({ type }: Resource, state: WireMap, inputs: WireMap): WireMap {
  const old = pickOutputs(type, state);
  if (!outputsBecomeUnknown(type.inputs, state, inputs)) {
    return { ...inputs, ...old };
  }
  return {
    ...inputs,
    ...Object.fromEntries(Object.entries(old).map(([name, value]) => [name, makeUnknown(value)])),
  };
}

export async function create(
  resource: Resource,
  inputs: WireMap,
  context: OperationContext,
): Promise<WireMap> {
  const script = (unwrapDeep(inputs) as { create?: string }).create;
  return { ...inputs, ...(await run(resource, script, inputs, emptyOutputs(), context)) };
}

/** Runs `update`, or `create` if there is none; without either the old outputs stay. */
export async function update(
  resource: Resource,
  state: WireMap,
  inputs: WireMap,
  context: OperationContext,
): Promise<WireMap> {
  const { update: own, create: fallback } = unwrapDeep(inputs) as { create?: string; update?: string };
  return {
    ...inputs,
    ...(await run(resource, own ?? fallback, inputs, pickOutputs(resource.type, state), context)),
  };
}

/** Runs `delete` with all inputs from the state, including the connection and stdin. */
export async function remove(resource: Resource, state: WireMap, context: OperationContext): Promise<void> {
  const script = (unwrapDeep(state) as { delete?: string }).delete;
  if (script !== undefined) {
    await run(resource, script, state, pickOutputs(resource.type, state), context);
  }
}

async function run(
  { token }: Resource,
  script: string | undefined,
  inputs: WireMap,
  previous: WireMap,
  context: OperationContext,
): Promise<WireMap> {
  if (script === undefined) {
    return previous;
  }
  const captured = { ...NO_OUTPUT, ...(unwrapDeep(previous) as Partial<Captured>) };
  if (token === "command:local:Command") {
    const { runLocal } = await import("./local-command.ts");
    const { stdout, stderr, files } = await runLocal(
      script,
      unwrapDeep(inputs) as LocalInputs,
      captured,
      context,
    );
    return { ...previous, stdout, stderr, ...files };
  }
  const { runRemote } = await import("./remote-command.ts");
  return { ...(await runRemote(script, unwrapDeep(inputs) as RemoteInputs, captured, context)) };
}

function emptyOutputs(): WireMap {
  return { ...NO_OUTPUT };
}

function pickOutputs(type: ResourceType, state: WireMap): WireMap {
  return Object.fromEntries(Object.entries(state).filter(([name]) => type.outputs.includes(name)));
}
