/** The table of TCP ports on the hosts: those that a stack may change, with their defaults, and those that it cannot. */

/** By the setting's place in the configuration. The first three are RabbitMQ's own (https://www.rabbitmq.com/docs/networking#ports). */
export const defaultPorts = { amqp: 5672, management: 15672, prometheus: 15692, stats: 8100 } as const;

/** sshd, where the stack's user has not stated another one. */
export const sshPort = 22;

/** epmd's, which tells an Erlang node's distribution port (https://www.rabbitmq.com/docs/networking#ports). */
export const epmdPort = 4369;

/** Erlang's distribution: what brokers say to each other. RabbitMQ's default is its AMQP port plus 20000. */
export const distributionPort = 25672;

/** The distribution ports of the command-line tools' own Erlang nodes, first to last. */
export const cliToolPorts = { first: 35672, last: 35682 } as const;

/** Where a broker's host tells HAProxy's agent check whether the broker is in alarm, with `haproxy.avoidAlarms`. */
export const agentPort = 5670;
