/**
 * How old the management API's answers may be. A broker collects what it reports every 5 s
 * (`collect_statistics_interval`, and the shortest of the `sample_retention_policies`).
 */

/** Seconds after which every broker lists a connection that is open: one collection, with time for a busy broker. */
export const connectionListSeconds = 8;

/**
 * Seconds after which a node's partitions, plug-ins and tick time are reported as they are. The node notes them every
 * 5 s, and what it has noted is collected every 5 s, by a clock of its own (`rabbit_mgmt_external_stats` and
 * `rabbit_mgmt_metrics_collector` of rabbitmq-server, 3.8 to 4.3).
 */
export const nodeStatisticsSeconds = 11.5;
