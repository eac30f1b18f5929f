/** What the brokers serve, a row for each protocol. Whoever opens, checks, refuses or balances a port reads these rows. */

/**
 * Whose traffic is allowed: the hosts of a role, the users of the balancers, the administrators of the brokers, or who
 * reads the metrics.
 */
export type TrafficSource = "brokers" | "balancers" | "clients" | "operators" | "readers";

/** How a protocol gets TLS in rabbitmq.conf. */
interface TlsLines {
  /** RabbitMQ's own port for it with TLS. */
  readonly port: number;
  /** The line that sets this port. */
  readonly setting: string;
  /** The line that closes the plain port, by `none`. @default the port is closed as long as no line sets it */
  readonly closing?: string;
  /** The prefix of the lines with the certificate. */
  readonly options: string;
}

interface Row {
  /** Its key in `rabbitmq.ports`. */
  readonly name: string;
  /** The plug-in that brings it. @default RabbitMQ itself */
  readonly plugin?: string;
  /** RabbitMQ's own port for it (https://www.rabbitmq.com/docs/networking#ports). */
  readonly port: number;
  /** The line of rabbitmq.conf that sets its port. */
  readonly setting: string;
  /** @default it has no TLS */
  readonly tls?: TlsLines;
  /** The name of its proxy in HAProxy. @default it does not go through the balancers */
  readonly proxy?: string;
  /** Who connects to the brokers' own port. */
  readonly from: readonly TrafficSource[];
  /** Whether messages go through it, on connections that stay open. */
  readonly carriesMessages: boolean;
  /** The proxy whose checks decide about the brokers here too. @default it has checks of its own */
  readonly follows?: string;
  /** Whether the broker reads the PROXY protocol's header, which has the client's own address. @default no */
  readonly readsProxyHeader?: boolean;
  /** How HAProxy chooses a broker. @default `haproxy.balance` */
  readonly balance?: "leastconn" | "roundrobin";
}

/**
 * A check of STOMP's or MQTT's port would leave lines in the broker's log. A broker opens and closes them together with
 * AMQP's, and a connection that one of them refuses goes to another broker.
 */
const follows = "rabbitmq_cluster";

/** In the order in which files and messages have them. */
const rows = [
  {
    name: "amqp",
    port: 5672,
    setting: "listeners.tcp.default",
    tls: { port: 5671, setting: "listeners.ssl.default", closing: "listeners.tcp", options: "ssl_options" },
    proxy: "rabbitmq_cluster",
    // Brokers ask each other's port whether it serves.
    from: ["balancers", "brokers"],
    carriesMessages: true,
    readsProxyHeader: true,
  },
  {
    name: "management",
    plugin: "rabbitmq_management",
    port: 15672,
    setting: "management.tcp.port",
    tls: { port: 15671, setting: "management.ssl.port", options: "management.ssl" },
    proxy: "rabbitmq_management",
    from: ["operators", "balancers"],
    carriesMessages: false,
  },
  // It needs no password. The agent check reads it on the broker itself; `metricsFrom` lets others read it.
  {
    name: "prometheus",
    plugin: "rabbitmq_prometheus",
    port: 15692,
    setting: "prometheus.tcp.port",
    from: [],
    carriesMessages: false,
  },
  {
    name: "mqtt",
    plugin: "rabbitmq_mqtt",
    port: 1883,
    setting: "mqtt.listeners.tcp.default",
    tls: {
      port: 8883,
      setting: "mqtt.listeners.ssl.default",
      closing: "mqtt.listeners.tcp",
      options: "ssl_options",
    },
    proxy: "rabbitmq_mqtt",
    from: ["balancers"],
    carriesMessages: true,
    readsProxyHeader: true,
    follows,
    balance: "leastconn",
  },
  {
    name: "stomp",
    plugin: "rabbitmq_stomp",
    port: 61613,
    setting: "stomp.listeners.tcp.default",
    tls: {
      port: 61614,
      setting: "stomp.listeners.ssl.default",
      closing: "stomp.listeners.tcp",
      options: "ssl_options",
    },
    proxy: "rabbitmq_stomp",
    from: ["balancers"],
    carriesMessages: true,
    readsProxyHeader: true,
    follows,
    balance: "leastconn",
  },
  {
    name: "webMqtt",
    plugin: "rabbitmq_web_mqtt",
    port: 15675,
    setting: "web_mqtt.tcp.port",
    tls: {
      port: 15676,
      setting: "web_mqtt.ssl.port",
      closing: "web_mqtt.tcp.listener",
      options: "web_mqtt.ssl",
    },
    proxy: "rabbitmq_web_mqtt",
    from: ["balancers"],
    carriesMessages: true,
    readsProxyHeader: true,
    follows,
    balance: "leastconn",
  },
  {
    name: "webStomp",
    plugin: "rabbitmq_web_stomp",
    port: 15674,
    setting: "web_stomp.tcp.port",
    tls: {
      port: 15673,
      setting: "web_stomp.ssl.port",
      closing: "web_stomp.tcp.listener",
      options: "web_stomp.ssl",
    },
    proxy: "rabbitmq_web_stomp",
    from: ["balancers"],
    carriesMessages: true,
    readsProxyHeader: true,
    follows,
    balance: "leastconn",
  },
  // A client connects again until it has the broker that it wants, which the least used one may never be.
  // No line of rabbitmq.conf has streams read the header (rabbitmq_stream.schema up to 4.3).
  {
    name: "stream",
    plugin: "rabbitmq_stream",
    port: 5552,
    setting: "stream.listeners.tcp.default",
    tls: {
      port: 5551,
      setting: "stream.listeners.ssl.default",
      closing: "stream.listeners.tcp",
      options: "ssl_options",
    },
    proxy: "rabbitmq_stream",
    from: ["balancers"],
    carriesMessages: true,
    follows,
    balance: "roundrobin",
  },
] as const satisfies readonly Row[];

export type ProtocolName = (typeof rows)[number]["name"];

/** The protocols that can be served with TLS. */
export type TlsName = Extract<(typeof rows)[number], { readonly tls: TlsLines }>["name"];

/** The brokers' TCP ports, of all protocols. The balancers use the same ones. */
export type Ports = Readonly<Record<ProtocolName, number>>;

export interface Protocol extends Row {
  readonly name: ProtocolName;
}

/** All protocols that the program knows. */
export const protocols: readonly Protocol[] = rows;

/** The protocols whose port is in every rabbitmq.conf, whatever it is. */
const writtenAlways: readonly ProtocolName[] = ["amqp", "management", "prometheus"];

/** RabbitMQ's own ports. */
export const defaultPorts = Object.fromEntries(protocols.map(({ name, port }) => [name, port])) as Ports;

/** RabbitMQ's own ports with TLS. */
export const defaultTlsPorts = Object.fromEntries(
  protocols.flatMap(({ name, tls }) => (tls === undefined ? [] : [[name, tls.port]])),
) as Readonly<Record<TlsName, number>>;

/** What a stack's brokers are told to serve. */
export interface ProtocolSettings {
  readonly ports: Ports;
  readonly plugins: readonly string[];
  /** @default no protocol is served with TLS */
  readonly tls?: TlsPorts;
}

/** The protocols that are served with TLS, and at which ports. */
export interface TlsPorts {
  readonly ports: Partial<Ports>;
  /** Whether they are served in no other way. */
  readonly only: boolean;
}

/** A protocol with the port that the stack has for it, plain or with TLS. */
export interface ServedProtocol extends Protocol {
  /** The key of the port's configuration. */
  readonly configKey: string;
  readonly isTls: boolean;
}

/** A protocol that goes through the balancers, to the same port. */
export type Frontend = ServedProtocol & { readonly proxy: string };

/** @returns whether brokers with these plug-ins serve the protocol */
export function isServed({ plugin }: Protocol, plugins: readonly string[]): boolean {
  return plugin === undefined || plugins.includes(plugin);
}

/** @returns the protocols that a stack's brokers serve, those with TLS after the plain ones */
export function servedProtocols({ ports, plugins, tls }: ProtocolSettings): readonly ServedProtocol[] {
  const served = protocols.filter((protocol) => isServed(protocol, plugins));
  const plain = served
    .filter(({ name }) => tls?.only !== true || tls.ports[name] === undefined)
    .map((each) => ({
      ...each,
      port: ports[each.name],
      configKey: `rabbitmq.ports.${each.name}`,
      isTls: false,
    }));
  return [...plain, ...served.flatMap((each) => withTls(each, tls))];
}

/**
 * Beside the plain one it has a proxy of its own, and goes by AMQP's with TLS: while a change closes the plain ports, those
 * with TLS serve. Alone it has the only one, whose name the program on the hosts knows.
 */
function withTls(protocol: Protocol, tls: TlsPorts | undefined): ServedProtocol[] {
  const { name, proxy, follows: leader } = protocol;
  const port = tls?.ports[name];
  if (tls === undefined || port === undefined) return [];
  const beside = (of: string): string => (tls.only ? of : `${of}_tls`);
  const own = {
    ...(proxy === undefined ? {} : { proxy: beside(proxy) }),
    ...(leader === undefined ? {} : { follows: beside(leader) }),
  };
  return [{ ...protocol, ...own, port, configKey: `tls.ports.${name}`, isTls: true }];
}

/** The ports with TLS of protocols that are served. */
export type ServedTlsPorts = Partial<Ports> & { readonly amqp: number };

/** @returns the ports with TLS that brokers with these plug-ins open */
export function servedTlsPorts(ports: ServedTlsPorts, plugins: readonly string[]): ServedTlsPorts {
  const served = protocols.filter((each) => each.tls !== undefined && isServed(each, plugins));
  return { ...Object.fromEntries(served.map(({ name }) => [name, ports[name]])), amqp: ports.amqp };
}

/** @returns the port at which the stack's own programs reach a protocol: the plain one, where there is one */
export function mainPorts(ports: Ports, tls: TlsPorts | undefined): Ports {
  return tls?.only === true ? { ...ports, ...tls.ports } : ports;
}

/** @returns the protocols that go through a stack's balancers */
export function frontendsOf(served: ProtocolSettings): readonly Frontend[] {
  return servedProtocols(served).flatMap((each) =>
    each.proxy === undefined ? [] : [{ ...each, proxy: each.proxy }],
  );
}

/**
 * @returns the lines of rabbitmq.conf that set the ports of further plug-ins. RabbitMQ's own port needs none, so that a
 * plug-in which is switched on needs no restart.
 */
export function portSettings(
  settings: ProtocolSettings,
): readonly { readonly key: string; readonly value: number }[] {
  return servedProtocols(settings)
    .filter(({ name, port, isTls }) => !isTls && !writtenAlways.includes(name) && port !== defaultPorts[name])
    .map(({ setting, port }) => ({ key: setting, value: port }));
}

/** Who reads the metrics, and where. */
export interface MetricsAccess {
  /** Networks, in CIDR notation. */
  readonly from: readonly string[];
  /** TCP port of the brokers' metrics. @default they have none */
  readonly port?: number;
}

/** @returns who reads a stack's metrics, as an argument; none if the stack names nobody */
export function metricsAccess(
  from: readonly string[] | undefined,
  settings: ProtocolSettings,
): { readonly metrics?: MetricsAccess } {
  if (from === undefined) return {};
  const served = servedProtocols(settings).find(({ name }) => name === "prometheus");
  return { metrics: { from, ...(served === undefined ? {} : { port: served.port }) } };
}
