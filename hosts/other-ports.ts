/** The TCP ports on the hosts beside those of the protocols (protocol-ports.ts). */

/** The default of `haproxy.statsPort`. */
export const defaultStatsPort = 8100;

/** sshd's default port. */
export const sshPort = 22;

/** epmd, which tells clients the distribution port of an Erlang node (https://www.rabbitmq.com/docs/networking#ports). */
export const epmdPort = 4369;

/** Erlang's distribution, the traffic between brokers. RabbitMQ's default is its AMQP port plus 20000. */
export const distributionPort = 25672;

/** The distribution ports of the command-line tools' own Erlang nodes, first to last. */
export const cliToolPorts = { first: 35672, last: 35682 } as const;

/**
 * The ports at which replicas of streams take what they replicate, first to last: osiris's default, of which each replica
 * takes a free one (https://www.rabbitmq.com/docs/networking#ports).
 */
export const streamReplicationPorts = { first: 6000, last: 6500 } as const;

/** HAProxy's agent check on a broker's host, which reports whether the broker is in alarm (`haproxy.avoidAlarms`). */
export const agentPort = 5670;
