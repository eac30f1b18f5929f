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
  proxyProtocol: "proxy-protocol",
} as const;

/** A component's part on one of its hosts. */
export const partName = (component: string, host: string): string => `${component}-${host}`;

/** The steps of a component, or of its part on a host. */
export const stepNames = {
  clusterName: (component: string): string => `${component}-name`,
  admin: (component: string): string => `${component}-admin`,
  set: (component: string): string => `${component}-set`,
  users: (component: string): string => `${component}-users`,
  config: (part: string): string => `${part}-config`,
  service: (part: string): string => `${part}-service`,
} as const;

/** A host's machine, the step that waits until it can be used, and the one that installs the program on it. */
export const machineName = (host: string): string => `${host}-machine`;
export const readyName = (host: string): string => `${host}-ready`;
export const programName = (host: string): string => `${host}-program`;

/** The bastion that a stack in an AWS account makes itself, as a host. */
export const awsBastion = "aws-bastion";

/** The SSH host key that was pinned at the first contact with an address. */
export const pinnedHostKeyName = (address: string): string => `host-key-${address}`;

/** A broker's steps. */
export const brokerCookieName = (broker: string): string => `${broker}-cookie`;
export const brokerCertificatesName = (broker: string): string => `${broker}-certificates`;
export const brokerInterNodeName = (broker: string): string => `${broker}-inter-node`;
export const proxyProtocolStepName = (broker: string): string => `${broker}-proxy-protocol`;
export const brokerServiceName = (broker: string): string => `${broker}-service`;
export const brokerPluginsName = (broker: string): string => `${broker}-plugins`;
export const brokerMemberName = (broker: string): string => `${broker}-member`;
export const brokerWatchName = (broker: string): string => `${broker}-watch-service`;
export const brokerAgentName = (broker: string): string => `${broker}-agent-service`;

/** A component's service on one of its hosts. */
export const haproxyServiceName = (balancer: string): string =>
  stepNames.service(partName(componentNames.haproxy, balancer));
export const keepalivedServiceName = (balancer: string): string =>
  stepNames.service(partName(componentNames.virtualAddress, balancer));
/** The watch over a balancer's Keepalived, and its unit, without `.service`. */
export const vrrpWatchName = (balancer: string): string =>
  `${componentNames.virtualAddress}-${balancer}-watch-service`;
export const vrrpWatchUnit = "rabbitmq-ha-vrrp-watch";

/** The steps that concern the whole cluster. */
export const clusterNameStepName = stepNames.clusterName(componentNames.cluster);
export const adminStepName = stepNames.admin(componentNames.cluster);
export const policySetStepName = (queues: keyof typeof componentNames.policy): string =>
  stepNames.set(componentNames.policy[queues]);
/** Changes the Erlang cookie of running brokers. */
export const cookieStepName = `${componentNames.cluster}-cookie`;
/** The generated cookie. */
export const cookieName = (renewal: number): string =>
  renewal === 1 ? "erlang-cookie" : `erlang-cookie-${String(renewal)}`;
export const definitionUsersStepName = stepNames.users(componentNames.definitions);
export const definitionsStepName = stepNames.set(componentNames.definitions);
/** The password that the stack has made up for a user of the definitions. */
export const userPasswordName = (user: string): string => `user-password-${user}`;
