/** A fake AWS provider in this process: it accepts every input unchanged and answers as an account would. */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import type * as Pb from "@pulumi/pulumi/proto/provider_pb.js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb, { type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb.js";
import { unaryHandler } from "../../toolchain/engine/plugin-server.ts";
import type { RunArgs } from "./program.ts";

export class FakeAwsProvider {
  /** The tokens of the functions that were called. */
  readonly calledFunctions: string[] = [];
  readonly #server = new Server();
  readonly #answers: NonNullable<RunArgs["functionAnswers"]>;
  #port = 0;

  private constructor(answers: NonNullable<RunArgs["functionAnswers"]>) {
    this.#answers = answers;
  }

  static async start(answers: NonNullable<RunArgs["functionAnswers"]>): Promise<FakeAwsProvider> {
    const provider = new FakeAwsProvider(answers);
    await provider.#listen();
    return provider;
  }

  /** The environment that makes the engine use this process instead of a plug-in. */
  get env(): Readonly<Record<string, string>> {
    return { PULUMI_DEBUG_PROVIDERS: `aws:${String(this.#port)}` };
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  async #listen(): Promise<void> {
    this.#server.addService(ResourceProviderService, {
      getPluginInfo: unaryHandler(() => new pluginPb.PluginInfo().setVersion("7.48.0")),
      attach: unaryHandler(() => new emptyPb.Empty()),
      cancel: unaryHandler(() => new emptyPb.Empty()),
      checkConfig: unaryHandler((request: Pb.CheckRequest) =>
        new pb.CheckResponse().setInputs(request.getNews()),
      ),
      diffConfig: unaryHandler(() => new pb.DiffResponse()),
      configure: unaryHandler(() =>
        new pb.ConfigureResponse()
          .setAcceptsecrets(true)
          .setSupportspreview(true)
          .setAcceptresources(true)
          .setAcceptoutputs(true),
      ),
      check: unaryHandler((request: Pb.CheckRequest) => new pb.CheckResponse().setInputs(request.getNews())),
      // A preview knows neither IDs nor anything else that AWS generates.
      create: unaryHandler((request: Pb.CreateRequest) =>
        new pb.CreateResponse().setProperties(request.getProperties()),
      ),
      invoke: unaryHandler((request: Pb.InvokeRequest) => {
        const token = request.getTok();
        this.calledFunctions.push(token);
        const answer = this.#answers[token];
        if (answer === undefined)
          throw new Error(
            `no answer is defined for the function ${token}; add it to the answers of this test`,
          );
        const found = answer(request.getArgs()?.toJavaScript() ?? {}) as Record<string, JavaScriptValue>;
        return new pb.InvokeResponse().setReturn(structPb.Struct.fromJavaScript(found));
      }),
    });
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }
}
