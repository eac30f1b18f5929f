import { spawn, type ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import pb, { type ProgramInfo, type RunRequest, type RunResponse } from "@pulumi/pulumi/proto/language_pb.js";
import { splitWords } from "./words.ts";

/** cmd/run's exit code after it has reported the error to the user; the engine then reports nothing more. */
const ALREADY_REPORTED = 32;

/** How long a program may take to end after SIGTERM. */
const TERMINATION_TIMEOUT_MS = 2_000;

/**
 * One run of a program by `@pulumi/pulumi/cmd/run`, in its own process.
 *
 * The real host puts a proxy between program and engine, for calls that must block. Current SDKs make
 * no such calls, so here the program is connected to the engine directly.
 */
export class Program {
  readonly #request: RunRequest;
  readonly #engine: string;
  #child: ChildProcess | undefined;

  constructor(request: RunRequest, engine: string) {
    this.#request = request;
    this.#engine = engine;
  }

  /** Asks the program to end, and kills it if it does not. */
  end(): void {
    this.#child?.kill("SIGTERM");
    setTimeout(() => {
      this.kill();
    }, TERMINATION_TIMEOUT_MS).unref();
  }

  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  async run(): Promise<RunResponse> {
    const info = this.#request.getInfo() ?? new pb.ProgramInfo();
    const options = optionsOf(info);
    if (typeof options === "string") {
      return new pb.RunResponse().setError(options);
    }
    let runner: string;
    try {
      runner = runnerFor(info.getProgramDirectory());
    } catch {
      return new pb.RunResponse().setError(
        `No Pulumi SDK in ${info.getProgramDirectory()}: run npm install there.`,
      );
    }
    // The engine reads the program's output from this process's stdout and stderr.
    const child = spawn(process.execPath, [...options.nodeArgs, runner, ...this.#flags(info)], {
      env: { ...process.env, ...this.#environment(options) },
      stdio: ["ignore", "inherit", "inherit"],
    });
    this.#child = child;
    return new Promise((resolve) => {
      child.on("error", (error) => {
        resolve(new pb.RunResponse().setError(`Program could not be started: ${error.message}`));
      });
      child.on("close", (code) => {
        resolve(responseForExitCode(code ?? -1));
      });
    });
  }

  #flags(info: ProgramInfo): string[] {
    const request = this.#request;
    const flags = {
      monitor: request.getMonitorAddress(),
      engine: this.#engine,
      organization: request.getOrganization(),
      project: request.getProject(),
      stack: request.getStack(),
      pwd: info.getProgramDirectory(),
      "root-directory": info.getRootDirectory(),
      parallel: String(request.getParallel()),
    };
    return [
      ...Object.entries(flags).flatMap(([name, value]) => (value === "" ? [] : [`--${name}`, value])),
      ...(request.getDryrun() ? ["--dry-run"] : []),
      info.getEntryPoint(),
      ...request.getArgsList(),
    ];
  }

  #environment({ typescript, tsconfig }: RuntimeOptions): NodeJS.ProcessEnv {
    const config = Object.fromEntries(
      Array.from(this.#request.getConfigMap().entries(), ([key, value]) => [toOldStyleKey(key), value]),
    );
    return {
      PULUMI_CONFIG: JSON.stringify(config),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(this.#request.getConfigsecretkeysList()),
      ...(typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
      ...(tsconfig === "" ? {} : { PULUMI_NODEJS_TSCONFIG_PATH: tsconfig }),
    };
  }
}

function responseForExitCode(code: number): RunResponse {
  switch (code) {
    case 0:
      return new pb.RunResponse();
    case ALREADY_REPORTED:
      return new pb.RunResponse().setBail(true);
    default:
      return new pb.RunResponse().setError(`Program exited with non-zero exit code: ${String(code)}`);
  }
}

interface RuntimeOptions {
  readonly typescript: boolean;
  readonly tsconfig: string;
  readonly nodeArgs: readonly string[];
}

/** The `runtime.options` of Pulumi.yaml, or an error message. */
function optionsOf(info: ProgramInfo): RuntimeOptions | string {
  const { typescript = true, tsconfig = "", nodeargs = "" } = info.getOptions()?.toJavaScript() ?? {};
  if (typeof typescript !== "boolean") {
    return "typescript option must be a boolean";
  }
  if (typeof tsconfig !== "string") {
    return "tsconfigpath option must be a string";
  }
  if (typeof nodeargs !== "string") {
    return "nodeargs option must be a string";
  }
  return { typescript, tsconfig, nodeArgs: splitWords(nodeargs) };
}

/** The path of the SDK's runner, resolved from the program's folder. */
function runnerFor(programDirectory: string): string {
  const { PULUMI_LANGUAGE_NODEJS_RUN_PATH: other = "" } = process.env;
  const path = other === "" ? "@pulumi/pulumi/cmd/run" : other;
  return createRequire(join(programDirectory, "index.js")).resolve(path);
}

/** The runtime reads keys in the form `namespace:config:name`. */
function toOldStyleKey(key: string): string {
  const colon = key.indexOf(":");
  return key.split(":").length === 2 ? `${key.slice(0, colon)}:config:${key.slice(colon + 1)}` : key;
}
