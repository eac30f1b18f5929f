/** Runs the real program, index.ts, against a mocked engine that notes all that the program asks of it. */
import { registerHooks } from "node:module";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import * as pulumi from "@pulumi/pulumi";
import { asEngineConfig, type Blocks } from "./dev-stack.ts";
import { Graph, nameOf, type Node } from "./graph.ts";

// There are no machines to look at: those of the platform existing are as no-machines.ts says, and a lab is never made.
registerHooks({
  resolve: (specifier, context, next) =>
    /\/(existing\/precheck|lab\/tools)\.ts$/.test(specifier)
      ? { url: new URL("no-machines.ts", import.meta.url).href, shortCircuit: true }
      : next(specifier, context),
});

/** A resource as the program registers it; secrets in its inputs are wrapped, see `secretText` and `plain`. */
export interface Registered extends Node {
  readonly custom: boolean;
  /** The names of what each input was made from. */
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  readonly deleteBeforeReplace: boolean;
  readonly ignoreChanges: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
  readonly aliases: readonly unknown[];
}

export interface Run {
  readonly graph: Graph<Registered>;
  /** The stack's outputs; secrets are wrapped. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

export interface RunArgs {
  readonly config: Readonly<Blocks>;
  /** The keys of `config` that the engine holds as secrets. */
  readonly secrets?: readonly string[];
  readonly stack?: string;
  /** What the state holds for the stashes of these names; the others keep what the program makes. */
  readonly kept?: Readonly<Record<string, string>>;
  /** What a provider is asked, by the token of the function. @default nothing is asked */
  readonly answers?: Readonly<Record<string, (inputs: Readonly<Record<string, unknown>>) => object>>;
}

type Callback = (error: unknown, response: unknown) => void;

/** The SDK's own stand-in for the engine's monitor, which also notes what it passes over. */
class NotingMonitor extends MockMonitor {
  readonly registered: Registered[] = [];
  outputs: Readonly<Record<string, unknown>> = {};

  override registerResource(request: RegisterResourceRequest, callback: Callback): Promise<void> {
    if (request.getType() !== "pulumi:pulumi:Stack") this.registered.push(registered(request));
    return super.registerResource(request, callback);
  }

  override registerResourceOutputs(
    request: { getUrn(): string; getOutputs(): { toJavaScript(): Record<string, unknown> } },
    callback: Callback,
  ): void {
    if (request.getUrn().includes("::pulumi:pulumi:Stack::"))
      this.outputs = request.getOutputs().toJavaScript();
    super.registerResourceOutputs(request, callback);
  }
}

function registered(request: RegisterResourceRequest): Registered {
  const propertyDependencies: Record<string, readonly string[]> = {};
  request.getPropertydependenciesMap().forEach((made, key) => {
    propertyDependencies[key] = made.getUrnsList().map(nameOf);
  });
  return {
    name: request.getName(),
    type: request.getType(),
    parent: nameOf(request.getParent()),
    dependencies: request.getDependenciesList().map(nameOf),
    deletedWith: request.getDeletedwith() === "" ? undefined : nameOf(request.getDeletedwith()),
    inputs: request.getObject()?.toJavaScript() ?? {},
    custom: request.getCustom(),
    propertyDependencies,
    deleteBeforeReplace: request.getDeletebeforereplace(),
    ignoreChanges: request.getIgnorechangesList(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    aliases: request.getAliasesList().map((alias) => alias.toObject()),
  };
}

/** What the account adds to what was asked for, as far as the program reads it. */
function madeByAws(name: string): object {
  const createTime = "2026-03-01T12:00:00Z";
  return { arn: `arn:of:${name}`, name, publicIp: `public-ip-of-${name}`, createTime };
}

let runs = 0;

/** Runs the program once, whole. Runs in one process must follow each other: the SDK's engine is a global. */
export async function runProgram(args: RunArgs): Promise<Run> {
  runs += 1;
  // Each run evaluates the program anew, as each deployment does.
  const program = `../../index.ts?run=${runs}`;
  return runUnderMocks(args, () => import(program) as Promise<object>);
}

/** Runs the part of the program that makes the machines, and nothing on them. @throws what it throws */
export async function runHosts(args: RunArgs): Promise<Run> {
  const [{ readConfig }, { makeHosts }] = [
    await import("../../config/config.ts"),
    await import("../../platforms/platform.ts"),
  ];
  let refusal: unknown;
  const run = await runUnderMocks(args, async () => {
    // Thrown any further, the SDK would reject a promise of its own, too.
    await makeHosts(readConfig()).catch((error: unknown) => (refusal = error));
    return {};
  });
  if (refusal !== undefined) throw refusal as Error;
  return run;
}

async function runUnderMocks(args: RunArgs, program: () => Promise<object>): Promise<Run> {
  const { config, secrets = [], stack = "dev", kept = {}, answers = {} } = args;
  const mocks: pulumi.runtime.Mocks = {
    call: ({ token, inputs }) => {
      const answer = answers[token];
      if (answer === undefined) throw new Error(`the program calls ${token}, which it should not need`);
      return answer(inputs as Record<string, unknown>);
    },
    newResource: ({ type, name, inputs }) => {
      const given = inputs as Record<string, unknown>;
      const id = `${name}-id`;
      if (type.startsWith("aws:")) return { id, state: { ...given, ...madeByAws(name) } };
      if (type !== "pulumi:index:Stash") return { id, state: { stdout: "", stderr: "", ...given } };
      return { id, state: { ...given, output: kept[name] ?? given["input"] } };
    },
  };
  await pulumi.runtime.setMocks(mocks, "rabbitmq-ha", stack);
  const monitor = new NotingMonitor(mocks);
  pulumi.runtime.setMockOptions(monitor, "rabbitmq-ha", stack);
  const keys = secrets.map((key) => `rabbitmq-ha:${key}`);
  pulumi.runtime.setAllConfig(asEngineConfig(config), keys);
  process.env["PULUMI_CONFIG_SECRET_KEYS"] = JSON.stringify(keys);
  await pulumi.runtime.runInPulumiStack(program);
  await pulumi.runtime.disconnect();
  return { graph: new Graph(monitor.registered), outputs: monitor.outputs };
}

/** @returns the text inside a wrapped secret; undefined for what is no secret */
export function secretText(value: unknown): string | undefined {
  return pulumi.runtime.isRpcSecret(value) ? String(pulumi.runtime.unwrapRpcSecret(value)) : undefined;
}

/** @returns a value with every secret in it unwrapped */
export function plain(value: unknown): unknown {
  if (pulumi.runtime.isRpcSecret(value)) return plain(pulumi.runtime.unwrapRpcSecret(value));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
