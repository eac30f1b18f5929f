import { connect } from "node:http2";

/** Pause before the second connection attempt to an engine that closed the connection. */
const RETRY_PAUSE_MS = 250;

/**
 * Calls `onGone` once when the Pulumi engine at `address` no longer answers.
 *
 * The real plug-ins ask the engine's gRPC health service every five minutes and stop at the first
 * error (sdk/go/common/util/rpcutil/health.go). This one keeps an HTTP/2 connection open, so that it
 * notices the end of the engine's process as soon as the kernel closes its sockets. Otherwise half an
 * update would run on for minutes after the engine was killed.
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
    // An error is always followed by "close", which is handled below.
    session.on("error", () => undefined);
    session.on("close", () => {
      if (!connected && (isRetry || !everConnected)) {
        onGone();
      } else {
        setTimeout(() => {
          open(true);
        }, RETRY_PAUSE_MS);
      }
    });
  };
  open(false);
}

/**
 * The engine's address in a plug-in's arguments: the engine appends it after its own flags.
 */
export function engineAddressFrom(argv: readonly string[]): string | undefined {
  return argv.findLast((argument) => !argument.startsWith("-"));
}
