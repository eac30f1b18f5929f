import {
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

/** An error with a gRPC status of its own; any other error is UNKNOWN, as in Go. */
export class StatusError extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

const running = new Set<Promise<void>>();

/** A gRPC handler from a function that returns or throws, at once or later. */
export function unary<Request, Response>(handle: (request: Request) => Response | Promise<Response>) {
  return (call: ServerUnaryCall<Request, Response>, reply: sendUnaryData<Response>): void => {
    const answer = Promise.resolve()
      .then(() => handle(call.request))
      .then(
        (response) => {
          reply(null, response);
        },
        (error: unknown) => {
          const code = error instanceof StatusError ? error.code : status.UNKNOWN;
          reply({ code, details: error instanceof Error ? error.message : String(error) });
        },
      );
    running.add(answer);
    void answer.then(() => running.delete(answer));
  };
}

/**
 * Serves one gRPC service on a free loopback port and prints the port, which is how a Pulumi plugin
 * tells the engine where it is.
 *
 * An interrupt, with which the engine ends its plugins, ends the process as soon as no call is
 * running; the engine waits five seconds for that. A second one does not wait.
 *
 * @param onEnd stops whatever must not outlive the process
 */
export async function servePlugin(
  service: ServiceDefinition,
  handlers: UntypedServiceImplementation,
  onEnd: () => void,
): Promise<void> {
  // A message may be as large as the engine likes: state travels in it.
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

  // The real plugins are ended by the signal itself, and so is this one once nobody listens to it any more.
  const end = (signal: NodeJS.Signals): void => {
    onEnd();
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  };
  process.once("SIGINT", () => {
    process.once("SIGINT", end);
    // The last answer is on its way when its handler is done: let it leave.
    void Promise.allSettled(running).then(() => setTimeout(end, 10, "SIGINT"));
  });
  process.once("SIGTERM", end);
}
