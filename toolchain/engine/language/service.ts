import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import emptyPb, { type Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import pb from "@pulumi/pulumi/proto/language_pb.js";
import type * as Pb from "@pulumi/pulumi/proto/language_pb.js";
import pluginPb, { type PluginInfo } from "@pulumi/pulumi/proto/plugin_pb.js";
import { unaryHandler } from "../plugin-server.ts";
import { dependenciesOf, sdkVersion } from "./dependencies.ts";
import { Program } from "./program.ts";

/** The methods of the LanguageRuntime service that running a program needs; all others are UNIMPLEMENTED. */
export class LanguageService {
  #engine: string | undefined;
  readonly #onEngine: (address: string) => void;
  readonly #running = new Set<Program>();

  /** @param onEngine called with the address of an engine that connects later, by Handshake */
  constructor(engine: string | undefined, onEngine: (address: string) => void) {
    this.#engine = engine;
    this.#onEngine = onEngine;
  }

  /** Kills the running programs, because this process is about to end. */
  killPrograms(): void {
    for (const program of this.#running) {
      program.kill();
    }
  }

  handlers(): UntypedServiceImplementation {
    return {
      handshake: unaryHandler<Pb.LanguageHandshakeRequest, Pb.LanguageHandshakeResponse>((request) => {
        this.#engine = request.getEngineAddress();
        this.#onEngine(this.#engine);
        return new pb.LanguageHandshakeResponse();
      }),
      // The real host searches all of node_modules; here every plug-in is already installed.
      getRequiredPackages: unaryHandler(() => new pb.GetRequiredPackagesResponse()),
      getRequiredPlugins: unaryHandler(() => new pb.GetRequiredPluginsResponse()),
      getPluginInfo: unaryHandler<Empty, PluginInfo>(() =>
        new pluginPb.PluginInfo().setVersion(sdkVersion()),
      ),
      about: unaryHandler(() =>
        new pb.AboutResponse().setExecutable(process.execPath).setVersion(process.version),
      ),
      getProgramDependencies: unaryHandler<
        Pb.GetProgramDependenciesRequest,
        Pb.GetProgramDependenciesResponse
      >((request) =>
        new pb.GetProgramDependenciesResponse().setDependenciesList(
          dependenciesOf(request.getInfo()?.getProgramDirectory() ?? request.getPwd()).map(
            ({ name, version }) => new pb.DependencyInfo().setName(name).setVersion(version),
          ),
        ),
      ),
      runtimeOptionsPrompts: unaryHandler(() => new pb.RuntimeOptionsResponse()),
      run: unaryHandler(this.#run),
      cancel: unaryHandler<Empty, Empty>(() => {
        for (const program of this.#running) {
          program.end();
        }
        return new emptyPb.Empty();
      }),
    };
  }

  readonly #run = async (request: Pb.RunRequest): Promise<Pb.RunResponse> => {
    if (this.#engine === undefined) {
      throw new Error("no engine is known: Handshake comes before Run");
    }
    const program = new Program(request, this.#engine);
    this.#running.add(program);
    try {
      return await program.run();
    } finally {
      this.#running.delete(program);
    }
  };
}
