import { credentials, type ServiceError } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import type * as Pb from "@pulumi/pulumi/proto/provider_pb.js";
import type { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb, { type Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { FakeEngine } from "./fake-engine.ts";
import { endPlugin, launch, type LaunchOptions, type Plugin } from "./plugins.ts";
import type { Values } from "./values.ts";

export const REMOTE = "command:remote:Command";
export const LOCAL = "command:local:Command";

/** The URN of a resource of a type; all have the same name, since no two exist at once. */
export function urnOf(type: string): string {
  return `urn:pulumi:test::engine::${type}::thing`;
}

export interface CheckResult {
  readonly inputs: Values;
  /** Failures as `property: reason`. */
  readonly failures: readonly string[];
}

export interface DiffResult {
  readonly changes: boolean;
  readonly kinds: Readonly<Record<string, string>>;
  readonly replaces: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

export interface RunOptions {
  readonly preview?: boolean;
  /** The resource's custom timeout in seconds. */
  readonly timeout?: number;
}

const KINDS = ["add", "add-replace", "delete", "delete-replace", "update", "update-replace"];

/** A provider process and the engine's client for it. */
export class Provider {
  readonly engine: FakeEngine;
  readonly plugin: Plugin;
  readonly #client: ResourceProviderClient;

  private constructor(engine: FakeEngine, plugin: Plugin) {
    this.engine = engine;
    this.plugin = plugin;
    this.#client = new ResourceProviderClient(plugin.address, credentials.createInsecure());
  }

  static async launch(options: Omit<LaunchOptions, "engine"> = {}): Promise<Provider> {
    const engine = await FakeEngine.start();
    const plugin = await launch("command-provider", { ...options, engine: engine.address });
    const provider = new Provider(engine, plugin);
    const request = new pb.ConfigureRequest().setAcceptsecrets(true).setAcceptresources(true);
    await unary((done) => provider.#client.configure(request, done));
    return provider;
  }

  async stop(): Promise<void> {
    this.#client.close();
    await endPlugin(this.plugin);
    this.engine.stop();
  }

  async check(type: string, inputs: Values): Promise<CheckResult> {
    const request = new pb.CheckRequest().setUrn(urnOf(type)).setNews(structOf(inputs)).setOlds(structOf({}));
    const response = await unary<Pb.CheckResponse>((done) => this.#client.check(request, done));
    return {
      inputs: valuesOf(response.getInputs()),
      failures: response
        .getFailuresList()
        .map((failure) => `${failure.getProperty()}: ${failure.getReason()}`),
    };
  }

  /** The inputs as Check returns them, which the other calls receive. */
  async checkOrThrow(type: string, inputs: Values): Promise<Values> {
    const { inputs: complete, failures } = await this.check(type, inputs);
    if (failures.length > 0) {
      throw new Error(failures.join("\n"));
    }
    return complete;
  }

  async diff(type: string, state: Values, inputs: Values, ignoreChanges: string[] = []): Promise<DiffResult> {
    const request = new pb.DiffRequest()
      .setUrn(urnOf(type))
      .setId("thing01234567")
      .setOlds(structOf(state))
      .setOldInputs(structOf(state))
      .setNews(structOf(inputs))
      .setIgnorechangesList(ignoreChanges);
    const response = await unary<Pb.DiffResponse>((done) => this.#client.diff(request, done));
    const detailed = Array.from(response.getDetaileddiffMap().entries());
    return {
      changes: response.getChanges() === pb.DiffResponse.DiffChanges.DIFF_SOME,
      kinds: Object.fromEntries(detailed.map(([path, change]) => [path, KINDS[change.getKind()] ?? ""])),
      replaces: response.getReplacesList(),
      deleteBeforeReplace: response.getDeletebeforereplace(),
    };
  }

  /** Calls Check and Create. @returns the new resource's state */
  async create(type: string, inputs: Values, options: RunOptions = {}): Promise<Values> {
    const complete = await this.checkOrThrow(type, inputs);
    const request = new pb.CreateRequest()
      .setUrn(urnOf(type))
      .setProperties(structOf(complete))
      .setPreview(options.preview ?? false)
      .setTimeout(options.timeout ?? 0);
    const response = await unary<Pb.CreateResponse>((done) => this.#client.create(request, done));
    return valuesOf(response.getProperties());
  }

  /** Calls Check and Update. @returns the new state */
  async update(type: string, state: Values, inputs: Values, options: RunOptions = {}): Promise<Values> {
    const complete = await this.checkOrThrow(type, inputs);
    const request = new pb.UpdateRequest()
      .setUrn(urnOf(type))
      .setId("thing01234567")
      .setOlds(structOf(state))
      .setNews(structOf(complete))
      .setPreview(options.preview ?? false)
      .setTimeout(options.timeout ?? 0);
    const response = await unary<Pb.UpdateResponse>((done) => this.#client.update(request, done));
    return valuesOf(response.getProperties());
  }

  async delete(type: string, state: Values): Promise<void> {
    const request = new pb.DeleteRequest()
      .setUrn(urnOf(type))
      .setId("thing01234567")
      .setProperties(structOf(state));
    await unary((done) => this.#client.delete(request, done));
  }

  async read(
    type: string,
    state: Values,
    inputs: Values,
  ): Promise<{ id: string; state: Values; inputs: Values }> {
    const request = new pb.ReadRequest()
      .setUrn(urnOf(type))
      .setId("thing01234567")
      .setProperties(structOf(state))
      .setInputs(structOf(inputs));
    const response = await unary<Pb.ReadResponse>((done) => this.#client.read(request, done));
    return {
      id: response.getId(),
      state: valuesOf(response.getProperties()),
      inputs: valuesOf(response.getInputs()),
    };
  }

  async cancel(): Promise<void> {
    await unary((done) => this.#client.cancel(new emptyPb.Empty(), done));
  }

  async version(): Promise<string> {
    const info = await unary<PluginInfo>((done) => this.#client.getPluginInfo(new emptyPb.Empty(), done));
    return info.getVersion();
  }
}

/** Longer than any call of these tests takes, even on a busy machine. */
const LONGEST_CALL_MS = 20_000;

/** Makes a unary call. @returns its answer @throws Error with the message that the user would see */
export function unary<T>(
  call: (done: (error: ServiceError | null, response: T) => void) => unknown,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`no answer after ${String(LONGEST_CALL_MS)} ms`));
    }, LONGEST_CALL_MS);
    call((error, response) => {
      clearTimeout(timer);
      if (error === null) {
        resolve(response);
      } else {
        reject(Object.assign(new Error(error.details), { code: error.code }));
      }
    });
  });
}

function structOf(values: Values): Struct {
  return structPb.Struct.fromJavaScript(values);
}

function valuesOf(struct: Struct | undefined): Values {
  return struct?.toJavaScript() ?? {};
}
