import { connect } from "node:http2";

/** Pause before asking again whether an engine that hung up is really gone. */
const SECOND_LOOK_MS = 250;

/**
 * Calls `onGone` once when the Pulumi engine at `address` no longer answers.
 *
 * The real plugins ask the engine's gRPC health service every five minutes and stop at the first
 * error (sdk/go/common/util/rpcutil/health.go). This one keeps an HTTP/2 connection open, so that the
 * end of the engine's process is known in the moment the kernel closes its sockets: a lab whose
 * engine was killed must not keep half an update running for minutes.
 *
 * @param address host and port, as the engine passes it on the command line
 */
export function watchEngine(address: string, onGone: () => void): void {
  let everConnected = false;
  const open = (isRetry: boolean): void => {
    const session = connect(`http://${address}`);
    let connected = false;
    session.on("connect", () => {
      connected = true;
      everConnected = true;
    });
    // An error is always followed by "close", which decides.
    session.on("error", () => undefined);
    session.on("close", () => {
      if (!connected && (isRetry || !everConnected)) {
        onGone();
      } else {
        setTimeout(() => {
          open(true);
        }, SECOND_LOOK_MS);
      }
    });
  };
  open(false);
}

/**
 * The engine's address among the arguments of a plugin: the engine appends it after its own flags.
 */
export function engineAddressFrom(argv: readonly string[]): string | undefined {
  return argv.findLast((argument) => !argument.startsWith("-"));
}
