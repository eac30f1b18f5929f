/** How an Erlang node connects with another one, and notices that it has gone (Erlang's distribution). */

/**
 * Seconds for which an Erlang node tries to connect to one that does not answer (`net_setuptime`, 7 by default). A
 * process that sends to a node that has just been declared down waits this long once more.
 */
const setupTimeSeconds = 3;
/** The same with TLS between the nodes: on a busy machine a tool's handshake takes longer than 3 s [seen]. */
const tlsSetupTimeSeconds = 7;

/** Linux's numbers of the level TCP and its option TCP_USER_TIMEOUT (tcp(7)), which Erlang has no name for. */
const tcp = { level: 6, userTimeout: 18 };

/**
 * With TLS, a node that has something to send to a dead one waits in the socket, does not count the ticks that it misses,
 * and notices only after the waits of Erlang's TLS, some 10 s more [seen with Erlang 25: 15 to 16 s instead of 6]. So the
 * system itself ends a connection on which data stays unacknowledged for the time after which a silent node counts as gone.
 *
 * @param netTickTime seconds after which a silent node counts as gone
 * @returns terms of Erlang's application kernel in advanced.config, on one line
 */
export function distributionTerms(netTickTime: number, byTls: boolean): string {
  if (!byTls) return setupTerm(Math.min(setupTimeSeconds, netTickTime));
  const option = `{raw, ${tcp.level}, ${tcp.userTimeout}, <<${1000 * netTickTime}:32/native>>}`;
  const sockets = ["connect", "listen"].map((side) => `{inet_dist_${side}_options, [${option}]}`);
  return [setupTerm(tlsSetupTimeSeconds), ...sockets].join(", ");
}

function setupTerm(seconds: number): string {
  return `{net_setuptime, ${seconds} }`;
}
