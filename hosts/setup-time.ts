/** How long an Erlang node tries to connect to another one. */

/**
 * Seconds for which an Erlang node tries to connect to one that does not answer (`net_setuptime`, 7 by default). A
 * process that sends to a node that has just been declared down waits this long once more.
 */
const setupTimeSeconds = 3;
/** The same with TLS between the nodes: on a busy machine a tool's handshake takes longer than 3 s [seen]. */
const tlsSetupTimeSeconds = 7;

/** @param netTickTime seconds after which a silent node counts as gone @returns seconds */
export function setupTime(netTickTime: number, byTls: boolean): number {
  return byTls ? tlsSetupTimeSeconds : Math.min(setupTimeSeconds, netTickTime);
}
