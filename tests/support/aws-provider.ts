/** A stand-in for the AWS provider, in this process: it takes every input as it is, and answers what an account would. */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import type * as Pb from "@pulumi/pulumi/proto/provider_pb.js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb, { type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb.js";
import { unary } from "../../toolchain/engine/plugin-server.ts";
import type { RunArgs } from "./program.ts";

export class AwsProvider {
  /** The functions that were asked, by their tokens. */
  readonly asked: string[] = [];
  readonly #server = new Server();
  readonly #answers: NonNullable<RunArgs["answers"]>;
  #port = 0;

  private constructor(answers: NonNullable<RunArgs["answers"]>) {
    this.#answers = answers;
  }

  static async start(answers: NonNullable<RunArgs["answers"]>): Promise<AwsProvider> {
    const provider = new AwsProvider(answers);
    await provider.#listen();
    return provider;
  }

  /** What makes the engine ask this process in place of a plug-in. */
  get env(): Readonly<Record<string, string>> {
    return { PULUMI_DEBUG_PROVIDERS: `aws:${String(this.#port)}` };
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  async #listen(): Promise<void> {
    this.#server.addService(ResourceProviderService, {
      getPluginInfo: unary(() => new pluginPb.PluginInfo().setVersion("7.48.0")),
      attach: unary(() => new emptyPb.Empty()),
      cancel: unary(() => new emptyPb.Empty()),
      checkConfig: unary((request: Pb.CheckRequest) => new pb.CheckResponse().setInputs(request.getNews())),
      diffConfig: unary(() => new pb.DiffResponse()),
      configure: unary(() =>
        new pb.ConfigureResponse()
          .setAcceptsecrets(true)
          .setSupportspreview(true)
          .setAcceptresources(true)
          .setAcceptoutputs(true),
      ),
      check: unary((request: Pb.CheckRequest) => new pb.CheckResponse().setInputs(request.getNews())),
      // In a preview neither an ID nor anything else that AWS itself makes is known.
      create: unary((request: Pb.CreateRequest) =>
        new pb.CreateResponse().setProperties(request.getProperties()),
      ),
      invoke: unary((request: Pb.InvokeRequest) => {
        const token = request.getTok();
        this.asked.push(token);
        const answer = this.#answers[token];
        if (answer === undefined) throw new Error(`nobody answers ${token}`);
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
