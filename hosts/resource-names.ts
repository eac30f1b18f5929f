/**
 * The resource names that more than one folder uses. A name is a resource's identity in the stacks' states: changing one
 * replaces the resource, unless it has an alias.
 */

/** The components of which a stack has one each. */
export const componentNames = {
  cluster: "cluster",
  policy: { mirrored: "mirror-policy", quorum: "quorum-policy" },
  haproxy: "haproxy",
  virtualAddress: "virtual-address",
  definitions: "definitions",
} as const;

/** A host's machine, and the step that waits until it can be used. */
export const machineName = (host: string): string => `${host}-machine`;
export const readyName = (host: string): string => `${host}-ready`;

/** The SSH host key that was pinned at the first contact with an address. */
export const pinnedHostKeyName = (address: string): string => `host-key-${address}`;

/** A broker's steps. */
export const brokerCookieName = (broker: string): string => `${broker}-cookie`;
export const brokerCertificatesName = (broker: string): string => `${broker}-certificates`;
export const brokerServiceName = (broker: string): string => `${broker}-service`;
export const brokerPluginsName = (broker: string): string => `${broker}-plugins`;
export const brokerMemberName = (broker: string): string => `${broker}-member`;
export const brokerWatchName = (broker: string): string => `${broker}-watch-service`;
export const brokerAgentName = (broker: string): string => `${broker}-agent-service`;

/** A component's service on one of its hosts. */
export const haproxyServiceName = (balancer: string): string =>
  `${componentNames.haproxy}-${balancer}-service`;
export const keepalivedServiceName = (balancer: string): string =>
  `${componentNames.virtualAddress}-${balancer}-service`;
/** The watch over a balancer's Keepalived, and its unit, without `.service`. */
export const vrrpWatchName = (balancer: string): string =>
  `${componentNames.virtualAddress}-${balancer}-watch-service`;
export const vrrpWatchUnit = "rabbitmq-ha-vrrp-watch";

/** The steps that concern the whole cluster. */
export const clusterNameStepName = `${componentNames.cluster}-name`;
export const adminStepName = `${componentNames.cluster}-admin`;
export const policySetStepName = (queues: keyof typeof componentNames.policy): string =>
  `${componentNames.policy[queues]}-set`;
export const definitionUsersStepName = `${componentNames.definitions}-users`;
export const definitionsStepName = `${componentNames.definitions}-set`;
/** The password that the stack has made up for a user of the definitions. */
export const userPasswordName = (user: string): string => `user-password-${user}`;
