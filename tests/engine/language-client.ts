import { credentials } from "@grpc/grpc-js";
import { LanguageRuntimeClient } from "@pulumi/pulumi/proto/language_grpc_pb.js";
import pb from "@pulumi/pulumi/proto/language_pb.js";
import type * as Pb from "@pulumi/pulumi/proto/language_pb.js";
import type { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import { FakeEngine } from "./fake-engine.ts";
import { endPlugin, launch, type LaunchOptions, type Plugin } from "./plugins.ts";
import { unary } from "./provider.ts";

export interface RunOptions {
  readonly dryRun?: boolean;
  readonly config?: Readonly<Record<string, string>>;
  readonly secretKeys?: readonly string[];
  readonly args?: readonly string[];
  /** `runtime.options` of Pulumi.yaml. */
  readonly options?: Readonly<Record<string, string | boolean | number>>;
}

/** How a program ended; `bail` means that it has already reported the error to the user. */
export interface RunResult {
  readonly error: string;
  readonly bail: boolean;
}

/** A language host process and the engine's client for it. */
export class LanguageHost {
  readonly engine: FakeEngine;
  readonly plugin: Plugin;
  readonly #client: LanguageRuntimeClient;

  private constructor(engine: FakeEngine, plugin: Plugin) {
    this.engine = engine;
    this.plugin = plugin;
    this.#client = new LanguageRuntimeClient(plugin.address, credentials.createInsecure());
  }

  static async launch(options: Omit<LaunchOptions, "engine"> = {}): Promise<LanguageHost> {
    const engine = await FakeEngine.start();
    return new LanguageHost(engine, await launch("language-host", { ...options, engine: engine.address }));
  }

  async stop(): Promise<void> {
    this.#client.close();
    await endPlugin(this.plugin);
    this.engine.stop();
  }

  async run(directory: string, options: RunOptions = {}): Promise<RunResult> {
    const info = new pb.ProgramInfo()
      .setRootDirectory(directory)
      .setProgramDirectory(directory)
      .setEntryPoint("index.js")
      .setOptions(structPb.Struct.fromJavaScript({ typescript: false, ...options.options }));
    const request = new pb.RunRequest()
      .setProject("project")
      .setStack("stack")
      .setOrganization("organization")
      .setPwd(directory)
      .setProgram("index.js")
      .setParallel(8)
      // Nothing listens there, and no program of these tests connects to it.
      .setMonitorAddress("127.0.0.1:1")
      .setDryrun(options.dryRun ?? false)
      .setArgsList([...(options.args ?? [])])
      .setConfigsecretkeysList([...(options.secretKeys ?? [])])
      .setInfo(info);
    for (const [name, value] of Object.entries(options.config ?? {})) {
      request.getConfigMap().set(name, value);
    }
    const response = await unary<Pb.RunResponse>((done) => this.#client.run(request, done));
    return { error: response.getError(), bail: response.getBail() };
  }

  async cancel(): Promise<void> {
    await unary((done) => this.#client.cancel(new emptyPb.Empty(), done));
  }

  async version(): Promise<string> {
    const info = await unary<PluginInfo>((done) => this.#client.getPluginInfo(new emptyPb.Empty(), done));
    return info.getVersion();
  }

  async about(): Promise<{ executable: string; version: string }> {
    const about = await unary<Pb.AboutResponse>((done) => this.#client.about(new pb.AboutRequest(), done));
    return { executable: about.getExecutable(), version: about.getVersion() };
  }
}
