/** How long an Erlang node tries to connect to another one. */

/**
 * Seconds for which an Erlang node tries to connect to one that does not answer (`net_setuptime`, 7 by default). A
 * process that sends to a node that has just been declared down waits this long once more.
 */
const setupTimeSeconds = 3;
/**
 * The same with TLS between the nodes. On a busy machine a tool's handshake takes longer than 3 s [seen]. With 7 s a publisher
 * on a mirrored queue stood still for 16 s when a broker's machine was switched off, and the goal is 15 s [seen].
 */
const tlsSetupTimeSeconds = 4;

/** @param netTickTime seconds after which a silent node counts as gone @returns seconds */
export function setupTime(netTickTime: number, byTls: boolean): number {
  return byTls ? tlsSetupTimeSeconds : Math.min(setupTimeSeconds, netTickTime);
}
