/** The whole system: configuration → hosts → brokers, balancers, virtual address → outputs. */
import * as pulumi from "@pulumi/pulumi";
import { ClusterDefinitions } from "./components/cluster-definitions.ts";
import { HaproxyPair } from "./components/haproxy-pair.ts";
import { keepalivedPackages, KeepalivedVip } from "./components/keepalived-vip.ts";
import { MirrorPolicy } from "./components/mirror-policy.ts";
import { QuorumPolicy } from "./components/quorum-policy.ts";
import { RabbitCluster } from "./components/rabbit-cluster.ts";
import { partitionHandling } from "./components/broker-configuration.ts";
import { ProxyProtocol } from "./components/proxy-protocol.ts";
import { createBrokers } from "./components/rabbit-node.ts";
import { makeTls } from "./certificates/certificates.ts";
import { readConfig } from "./config/config.ts";
import { ownValue } from "./hosts/own-value.ts";
import { agentPort } from "./hosts/other-ports.ts";
import { makeHosts } from "./platforms/platform.ts";
import { generatedSecret, randomText } from "./secret.ts";
import { componentNames, cookieName, userPasswordName } from "./hosts/resource-names.ts";

const config = readConfig();
const { rabbitmq, haproxy, keepalived, frontends, secrets } = config;
const { proxyProtocol } = haproxy;
const { ports } = rabbitmq;
const tls = config.tls && makeTls(config, config.tls);
export const { policy, queues } = rabbitmq;
const hosts = await makeHosts(config);
const peers = [...config.brokers, ...config.balancers];
const cookie =
  secrets.erlangCookie ?? generatedSecret(cookieName(rabbitmq.cookieRenewal), () => randomText(40));
const [administrator, ...formerAdministrators] = config.administrators;
export const adminUser = administrator;
export const adminPassword = administratorPassword(administrator);

const agentCheck = haproxy.avoidAlarms ? { agentPort } : {};

const secretSettings = secrets.settings === undefined ? {} : { secretSettings: secrets.settings };

// The firewalls let in only those who may read the metrics.
const settings =
  config.metricsFrom === undefined
    ? rabbitmq.settings
    : { "prometheus.tcp.ip": "0.0.0.0", ...rabbitmq.settings };
const nodes = createBrokers(hosts.brokers, {
  ...rabbitmq,
  settings,
  ...secretSettings,
  ...agentCheck,
  ...(tls && { tls }),
  ...(proxyProtocol !== undefined && { proxyProtocol }),
  peers,
  cookie,
});
const { policyAppliesTo: appliesTo, queueType } = rabbitmq;
const queuePolicy =
  queues === "mirrored"
    ? new MirrorPolicy(componentNames.policy.mirrored, { nodes, policyName: policy.name, ...policy })
    : new QuorumPolicy(componentNames.policy.quorum, {
        nodes,
        policyName: policy.name,
        ...policy,
        appliesTo,
        queueType,
      });
const clientAddresses =
  proxyProtocol === undefined
    ? undefined
    : new ProxyProtocol(componentNames.proxyProtocol, {
        hosts: hosts.balancers,
        nodes,
        frontends,
        header: proxyProtocol,
        ...(haproxy.source && { source: haproxy.source }),
      });
const haproxyPair = new HaproxyPair(componentNames.haproxy, {
  hosts: hosts.balancers,
  peers,
  brokers: config.brokers,
  nodes,
  frontends,
  virtualAddress: config.virtualAddress,
  ...haproxy,
  ...agentCheck,
  ...(clientAddresses && { before: clientAddresses.done }),
  extraPackages: keepalivedPackages,
  ...(secrets.statsPassword === undefined ? {} : { statsPassword: secrets.statsPassword }),
});
const cluster = new RabbitCluster(componentNames.cluster, {
  nodes,
  clusterName: config.clusterName,
  administrators: [
    { name: adminUser, password: adminPassword },
    ...formerAdministrators.map((name) => ({ name, password: administratorPassword(name) })),
  ],
  ...(config.closeConnections && { closeConnections: config.closeConnections }),
  balancersUpdated: haproxyPair.serving,
});
const vip = new KeepalivedVip(componentNames.virtualAddress, {
  hosts: hosts.balancers,
  virtualAddress: config.virtualAddress,
  port: ports.amqp,
  nodes,
  ...keepalived,
  installed: haproxyPair.installed,
  serving: haproxyPair.serving,
  after: [...cluster.ready, queuePolicy.set, ...nodes.map(({ watch }) => watch)],
});

const defined =
  config.definitions &&
  new ClusterDefinitions(componentNames.definitions, {
    nodes,
    ...config.definitions,
    ...(secrets.userPasswords && { userPasswords: secrets.userPasswords }),
    administrators: config.administrators,
    policy: policy.name,
    after: [...cluster.ready, queuePolicy.set],
  });

export const clusterName = config.clusterName;
export const brokers = config.brokers.map(({ name, address }) => ({ name, address }));
export const balancers = config.balancers;
export const { balance } = haproxy;
export const virtualAddress = vip.virtualAddress;
const user = pulumi.interpolate`${adminUser}:${adminPassword.apply(encodeURIComponent)}`;
const isTlsOnly = tls?.only === true;
export const amqpUri = pulumi.interpolate`${isTlsOnly ? "amqps" : "amqp"}://${user}@${virtualAddress}:${ports.amqp}`;
const scheme = isTlsOnly ? "https" : "http";
export const managementUrl = `${scheme}://${virtualAddress}:${ports.management}`;
export const managementUrls = brokers.map(({ address }) => `${scheme}://${address}:${ports.management}`);
// Null, not undefined: the engine would warn of an output without a value.
export const amqpsUri = tls ? pulumi.interpolate`amqps://${user}@${virtualAddress}:${tls.ports.amqp}` : null;
/** The authorities that clients trust, PEM. */
export const caCertificate = tls?.authorities ?? null;
/** Where the further protocols are reached, by their keys in `rabbitmq.ports`, and such as `mqttTls` with TLS. */
export const endpoints = Object.fromEntries(
  frontends
    .filter(({ name }) => name !== "amqp" && name !== "management")
    .map(({ name, isTls, port }) => [
      isTls ? `${name}Tls` : name,
      pulumi.interpolate`${virtualAddress}:${port}`,
    ]),
);
export const statsUrls = balancers.map(
  ({ address }) => `http://${address}:${haproxy.statsPort}${haproxy.statsPath}`,
);
export const statsPassword = secrets.statsPassword ?? null;
/** Of each user of the definitions whose password is known. */
export const userPasswords = defined?.userPasswords ?? null;
export const definitions = defined?.expected ?? null;
/** What `verify` compares the running brokers with. */
export const expected = {
  plugins: rabbitmq.plugins,
  netTickTime: rabbitmq.netTickTime,
  partitionHandling: partitionHandling(rabbitmq.settings),
  agentCheck: haproxy.avoidAlarms,
  proxies: frontends.map(({ proxy }) => proxy),
  ...(haproxy.brokers && { servers: haproxy.brokers.map(({ name }) => name) }),
  queueType,
  ...(rabbitmq.cookieRenewal > 1 && { cookieRenewal: rabbitmq.cookieRenewal }),
  ...(proxyProtocol === true && { proxyProtocol }),
  ...(tls && {
    tls: { ports: tls.ports, names: tls.names, ...(tls.interNode && { interNode: true }), ...tls.dates },
  }),
};
/** Every administrator that is valid, the newest first. */
export const { administrators } = config;
/** How `verify` logs in to the hosts. */
export const ssh = pulumi.secret(
  [...hosts.brokers.map(({ host }) => host), ...hosts.balancers].map(({ name, connection, stackId }) => ({
    name,
    ...connection,
    ...(stackId !== undefined && { stackId }),
  })),
);

/** One that takes the configured administrator's place has a password by its own name, as any user. */
function administratorPassword(name: string): pulumi.Output<string> {
  if (name === rabbitmq.adminUser)
    return secrets.adminPassword ?? generatedSecret("admin-password", () => randomText(24));
  return (
    ownValue(secrets.userPasswords ?? {}, name) ??
    generatedSecret(userPasswordName(name), () => randomText(24))
  );
}
