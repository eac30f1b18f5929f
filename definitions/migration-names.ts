/** What a migration makes for itself in both clusters, by name. */

/** The users with which shovels log in to the source, and to OLD. */
export const carryUser = "rabbitmq-ha-migration";
/** As `carryUser`, and let in only once the source is fenced: its shovels wait until then. */
export const lateCarryUser = "rabbitmq-ha-migration-late";
/** What the names of the migration's shovels and exchanges begin with. */
export const shovelPrefix = "rabbitmq-ha-migration.";
/** The global parameter with each user's own limit of connections, as JSON, while the fence stands; negative: none. */
export const fenceName = "rabbitmq_ha_fence";
