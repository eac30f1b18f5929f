/**
 * The table of the resource names that more than one room uses. A name is a resource's identity in people's states: to
 * change one is to replace what it stands for, unless the resource carries an alias.
 */

/** The components that the stack has one of. */
export const componentNames = {
  cluster: "cluster",
  policy: "mirror-policy",
  haproxy: "haproxy",
  virtualAddress: "virtual-address",
} as const;

/** A host's machine, and what says that it can be used. */
export const machineName = (host: string): string => `${host}-machine`;
export const readyName = (host: string): string => `${host}-ready`;

/** What a broker consists of. */
export const brokerServiceName = (broker: string): string => `${broker}-service`;
export const brokerPluginsName = (broker: string): string => `${broker}-plugins`;
export const brokerMemberName = (broker: string): string => `${broker}-member`;
export const brokerWatchName = (broker: string): string => `${broker}-watch-service`;

/** A component's service on one of its hosts. */
export const haproxyServiceName = (balancer: string): string =>
  `${componentNames.haproxy}-${balancer}-service`;
export const keepalivedServiceName = (balancer: string): string =>
  `${componentNames.virtualAddress}-${balancer}-service`;

/** What concerns the whole cluster. */
export const clusterNameName = `${componentNames.cluster}-name`;
export const adminName = `${componentNames.cluster}-admin`;
export const policySetName = `${componentNames.policy}-set`;
