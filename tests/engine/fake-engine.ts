import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import emptyPb, { type Empty } from "google-protobuf/google/protobuf/empty_pb.js";

export interface LogLine {
  readonly severity: "debug" | "info" | "warning" | "error";
  readonly message: string;
  readonly urn: string;
  /** Shown during the resource's operation and not kept. */
  readonly ephemeral: boolean;
  /** Time of arrival in milliseconds, by performance.now(). */
  readonly at: number;
}

const SEVERITIES = ["debug", "info", "warning", "error"] as const;

/** The part of Pulumi's engine that plug-ins call: it receives their log lines. */
export class FakeEngine {
  readonly lines: LogLine[];
  readonly address: string;
  readonly #server: Server;

  private constructor(server: Server, address: string, lines: LogLine[]) {
    this.lines = lines;
    this.#server = server;
    this.address = address;
  }

  static async start(): Promise<FakeEngine> {
    const server = new Server();
    const lines: LogLine[] = [];
    server.addService(EngineService, {
      log: (call: ServerUnaryCall<LogRequest, Empty>, reply: sendUnaryData<Empty>) => {
        lines.push({
          severity: SEVERITIES[call.request.getSeverity()],
          message: call.request.getMessage(),
          urn: call.request.getUrn(),
          ephemeral: call.request.getEphemeral(),
          at: performance.now(),
        });
        reply(null, new emptyPb.Empty());
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) {
          resolve(bound);
        } else {
          reject(error);
        }
      });
    });
    return new FakeEngine(server, `127.0.0.1:${String(port)}`, lines);
  }

  /** The messages for one resource. */
  messagesAbout(urn: string): string[] {
    return this.lines.filter((line) => line.urn === urn).map((line) => line.message);
  }

  /** Stops like a killed engine: at once, closing every connection. */
  stop(): void {
    this.#server.forceShutdown();
  }
}
