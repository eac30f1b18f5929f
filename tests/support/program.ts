/** Runs the real program, index.ts, against a mocked engine that records all requests of the program. */
import { registerHooks } from "node:module";
import { mock } from "node:test";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import * as pulumi from "@pulumi/pulumi";
import { asEngineConfig, type ConfigBlocks } from "./dev-stack.ts";
import { Graph, nameOf, type GraphNode } from "./graph.ts";

// The program's messages have tests of their own; here they would fill the tests' output.
for (const level of ["info", "warn"] as const) mock.method(pulumi.log, level, () => Promise.resolve());

// No machine is probed: no-machines.ts describes those of the platform existing, and no lab is created.
registerHooks({
  resolve: (specifier, context, next) =>
    /\/(precheck\/precheck|lab\/tools)\.ts$/.test(specifier)
      ? { url: new URL("no-machines.ts", import.meta.url).href, shortCircuit: true }
      : next(specifier, context),
});

/** A resource as the program registers it. Secrets in its inputs are wrapped: see `secretText` and `unwrapSecrets`. */
export interface RegisteredResource extends GraphNode {
  readonly custom: boolean;
  /** Of each input the names of the resources that it depends on. */
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  readonly deleteBeforeReplace: boolean;
  readonly protect: boolean;
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
  readonly aliases: readonly unknown[];
}

export interface ProgramRun {
  readonly graph: Graph<RegisteredResource>;
  /** The stack's outputs; secrets are wrapped. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

export interface RunArgs {
  readonly config: Readonly<ConfigBlocks>;
  /** The keys of `config` whose values are secrets. */
  readonly secrets?: readonly string[];
  readonly stack?: string;
  /** The stored values of stashes, by their names; all others keep the value that the program generates. */
  readonly stashValues?: Readonly<Record<string, string>>;
  /** The answers of provider functions, by token. @default the program may call none */
  readonly functionAnswers?: Readonly<Record<string, (inputs: Readonly<Record<string, unknown>>) => object>>;
}

type Callback = (error: unknown, response: unknown) => void;

/** The SDK's mock of the engine's monitor, extended to record requests. */
class RecordingMonitor extends MockMonitor {
  readonly registered: RegisteredResource[] = [];
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

function registered(request: RegisterResourceRequest): RegisteredResource {
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
    protect: request.getProtect() === true,
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    aliases: request.getAliasesList().map((alias) => alias.toObject()),
  };
}

/** The properties that AWS generates for a resource, as far as the program reads them. */
function generatedByAws(name: string): object {
  const createTime = "2026-03-01T12:00:00Z";
  return { arn: `arn:of:${name}`, name, publicIp: `public-ip-of-${name}`, createTime };
}

let runs = 0;

/** Runs the whole program once. Runs in one process must not overlap: the SDK's engine is a global. */
export async function runProgram(args: RunArgs): Promise<ProgramRun> {
  runs += 1;
  // Each run loads the program anew, as each deployment does.
  const program = `../../index.ts?run=${runs}`;
  return runUnderMocks(args, () => import(program) as Promise<object>);
}

/** Runs only the part of the program that creates the machines. @throws what that part throws */
export async function runHosts(args: RunArgs): Promise<ProgramRun> {
  const [{ readConfig }, { makeHosts }] = [
    await import("../../config/config.ts"),
    await import("../../platforms/platform.ts"),
  ];
  let refusal: unknown;
  const run = await runUnderMocks(args, async () => {
    // If it threw here, the SDK would also reject a promise of its own.
    await makeHosts(readConfig()).catch((error: unknown) => (refusal = error));
    return {};
  });
  if (refusal !== undefined) throw refusal as Error;
  return run;
}

async function runUnderMocks(args: RunArgs, program: () => Promise<object>): Promise<ProgramRun> {
  const { config, secrets = [], stack = "dev", stashValues = {}, functionAnswers = {} } = args;
  const mocks: pulumi.runtime.Mocks = {
    call: ({ token, inputs }) => {
      const answer = functionAnswers[token];
      if (answer === undefined)
        throw new Error(`the program calls the function ${token}, for which this test has no answer`);
      return answer(inputs as Record<string, unknown>);
    },
    newResource: ({ type, name, inputs }) => {
      const given = inputs as Record<string, unknown>;
      const id = `${name}-id`;
      if (type.startsWith("aws:")) return { id, state: { ...given, ...generatedByAws(name) } };
      if (type !== "pulumi:index:Stash") return { id, state: { stdout: "", stderr: "", ...given } };
      return { id, state: { ...given, output: stashValues[name] ?? given["input"] } };
    },
  };
  await pulumi.runtime.setMocks(mocks, "rabbitmq-ha", stack);
  const monitor = new RecordingMonitor(mocks);
  pulumi.runtime.setMockOptions(monitor, "rabbitmq-ha", stack);
  const keys = secrets.map((key) => `rabbitmq-ha:${key}`);
  pulumi.runtime.setAllConfig(asEngineConfig(config), keys);
  process.env["PULUMI_CONFIG_SECRET_KEYS"] = JSON.stringify(keys);
  await pulumi.runtime.runInPulumiStack(program);
  await pulumi.runtime.disconnect();
  return { graph: new Graph(monitor.registered), outputs: monitor.outputs };
}

/** @returns the text of a wrapped secret; undefined if the value is no secret */
export function secretText(value: unknown): string | undefined {
  return pulumi.runtime.isRpcSecret(value) ? String(pulumi.runtime.unwrapRpcSecret(value)) : undefined;
}

/** @returns the value with all secrets in it unwrapped */
export function unwrapSecrets(value: unknown): unknown {
  if (pulumi.runtime.isRpcSecret(value)) return unwrapSecrets(pulumi.runtime.unwrapRpcSecret(value));
  if (Array.isArray(value)) return value.map(unwrapSecrets);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unwrapSecrets(inner)]));
}
