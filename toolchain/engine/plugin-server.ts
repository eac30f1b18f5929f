import {
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

/** An error with its own gRPC status; any other error has the status UNKNOWN, as in Go. */
export class StatusError extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

/** How long an answer may take to reach the engine, on the same computer. */
const answerTimeoutMs = 100;

/** The calls that run, and what waits for the end of the last one. */
const calls = { running: 0, onIdle: (): void => undefined };

/** Makes a gRPC handler from a synchronous or asynchronous function. */
export function unaryHandler<Request, Response>(handle: (request: Request) => Response | Promise<Response>) {
  return (call: ServerUnaryCall<Request, Response>, reply: sendUnaryData<Response>): void => {
    calls.running += 1;
    void Promise.resolve()
      .then(() => handle(call.request))
      .then(
        (response) => {
          reply(null, response);
        },
        (error: unknown) => {
          const code = error instanceof StatusError ? error.code : status.UNKNOWN;
          reply({ code, details: error instanceof Error ? error.message : String(error) });
        },
      )
      .finally(() => {
        calls.running -= 1;
        if (calls.running === 0) calls.onIdle();
      });
  };
}

/**
 * Serves one gRPC service on a free loopback port and prints the port; that is how the engine learns
 * a Pulumi plug-in's address.
 *
 * The engine ends its plug-ins with SIGINT and waits five seconds. The process ends as soon as no call
 * is running. A second SIGINT ends it at once.
 *
 * @param onEnd stops whatever must not outlive the process
 */
export async function servePlugin(
  service: ServiceDefinition,
  handlers: UntypedServiceImplementation,
  onEnd: () => void,
): Promise<void> {
  // No limit on the size of messages: they contain state.
  const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(service, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) {
        resolve(bound);
      } else {
        reject(error);
      }
    });
  });
  process.stdout.write(`${String(port)}\n`);

  // The signal itself ends the real plug-ins. It also ends this one, after its listeners are removed.
  const end = (signal: NodeJS.Signals): void => {
    onEnd();
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  };
  process.once("SIGINT", () => {
    process.once("SIGINT", end);
    const endByInterrupt = (): void => {
      end("SIGINT");
    };
    // Takes no new call, and waits until every running one has been answered and all connections are closed. They
    // may stay open, for which the engine would wait five seconds; so an answer has a short time to be sent.
    server.tryShutdown(endByInterrupt);
    calls.onIdle = () => {
      setTimeout(endByInterrupt, answerTimeoutMs);
    };
    if (calls.running === 0) calls.onIdle();
  });
  process.once("SIGTERM", end);
}
