/** RabbitMQ's files on a host, as all packages have them. Templates and the program on the hosts name them too. */

/** The home of the user rabbitmq. */
export const brokerHome = "/var/lib/rabbitmq";
export const brokerDataFolder = `${brokerHome}/mnesia`;

export const configFolder = "/etc/rabbitmq";
export const configFile = `${configFolder}/rabbitmq.conf`;
export const advancedConfigFile = `${configFolder}/advanced.config`;
/** Files here are read after rabbitmq.conf. */
export const furtherConfigFolder = `${configFolder}/conf.d`;
export const enabledPluginsFile = `${configFolder}/enabled_plugins`;
