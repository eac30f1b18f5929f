import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import pb from "@pulumi/pulumi/proto/engine_pb.js";
import { credentials } from "@grpc/grpc-js";

/** Sends log lines to the engine, which shows them with their resource. */
export class EngineLog {
  readonly #client: EngineClient | undefined;

  constructor(address: string | undefined) {
    this.#client =
      address === undefined ? undefined : new EngineClient(address, credentials.createInsecure());
  }

  /** An ephemeral line: shown with the resource during its operation, not kept. */
  status(urn: string, message: string): Promise<void> {
    return this.#send(pb.LogSeverity.INFO, urn, message, true);
  }

  warning(urn: string, message: string): Promise<void> {
    return this.#send(pb.LogSeverity.WARNING, urn, message, false);
  }

  error(urn: string, message: string): Promise<void> {
    return this.#send(pb.LogSeverity.ERROR, urn, message, false);
  }

  close(): void {
    this.#client?.close();
  }

  #send(severity: 1 | 2 | 3, urn: string, message: string, ephemeral: boolean): Promise<void> {
    const client = this.#client;
    if (client === undefined) {
      return Promise.resolve();
    }
    const request = new pb.LogRequest()
      .setSeverity(severity)
      .setMessage(message.toWellFormed())
      .setUrn(urn)
      .setEphemeral(ephemeral);
    // As in the real provider, a line that the engine does not accept is lost, and the command continues.
    return new Promise((resolve) => {
      client.log(request, () => {
        resolve();
      });
    });
  }
}
