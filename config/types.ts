/**
 * The types of a validated configuration. Every value in it has been checked against the rules of the program or of the
 * daemon that it is for, so its readers need not check again.
 */
import type * as pulumi from "@pulumi/pulumi";
import type { PasswordHash } from "../hosts/definition-objects.ts";
import type { OperatingSystem, PackageSources } from "../hosts/host.ts";
import type { Frontend, Ports, ServedTlsPorts } from "../hosts/protocol-ports.ts";
import type { ErlangApplication } from "./erlang-terms.ts";
import type { HostKeys } from "./host-keys.ts";

/** A duration as HAProxy writes it: a whole number and one of `ms`, `s`, `m`, `h`, `d`, such as `500ms`. */
export type Duration = string;

export type { OperatingSystem } from "../hosts/host.ts";

/** Containers on this computer, used like machines. */
export interface LabPlatform {
  readonly kind: "lab";
  /** The network of the lab's hosts as an IPv4 CIDR, such as `192.168.56.0/24`; its first address is the gateway. */
  readonly subnet: string;
  /** The container image to run the hosts from; absent: the lab builds its own. */
  readonly image?: string;
}

/** Existing machines, reached by SSH. */
export interface ExistingPlatform {
  readonly kind: "existing";
  /** Who logs in: root, or a user who may use sudo without a password. */
  readonly user: string;
  /** TCP port of sshd on every host. */
  readonly port: number;
  /** The path of the private key; absent: the key is the secret `sshPrivateKey`. */
  readonly privateKeyFile?: string;
  /** From a host's name or address to its pinned key; a host without an entry is accepted with any key. */
  readonly hostKeys: HostKeys;
  /** The host through which all others are reached; it accepts the same private key. */
  readonly bastion?: { readonly host: string; readonly user: string; readonly port: number };
  /** Whether files of others may be replaced, kept meanwhile, and given back by destroy; or stay where services read them too. */
  readonly replaceFiles: boolean;
  /** Whether destroy deletes the brokers' data too. */
  readonly purge: boolean;
}

/** Selects an object in an account: by its ID, or as the only one with all these tags. */
export interface AwsSelector {
  readonly id?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** A subnet's availability zone, such as `eu-central-1a`, and its range. */
export interface AwsSubnet {
  readonly zone: string;
  readonly cidr: string;
}

/** An existing VPC, or the stack's own. */
export type AwsNetwork =
  | {
      readonly kind: "given";
      readonly vpc: AwsSelector;
      /** A selector by ID selects one subnet, one by tags all that have them. */
      readonly subnets: readonly AwsSelector[];
      /** The IDs of the route tables that get a route to the virtual address. */
      readonly routeTables: readonly string[];
    }
  | {
      readonly kind: "own";
      readonly cidr: string;
      readonly subnets: readonly AwsSubnet[];
      /** The subnet of the NAT gateway and the bastion; absent if the machines have public addresses themselves. */
      readonly publicSubnet?: AwsSubnet;
    };

/** How the machines are reached by SSH. */
export type AwsAccess =
  | {
      readonly way: "bastion";
      /** Networks from which SSH is allowed: the given bastion's address, or the users of the stack's own bastion. */
      readonly from: readonly string[];
      /** Absent: the stack creates one. */
      readonly bastion?: {
        readonly host: string;
        readonly user: string;
        readonly port: number;
        /** As a line of authorized_keys. */
        readonly hostKey?: string;
      };
    }
  | {
      /** `direct`: to private addresses, from inside the network; `public`: to public addresses. */
      readonly way: "direct" | "public";
      readonly from: readonly string[];
    }
  | {
      readonly way: "ssm";
      /** By host name: the port on this computer that a session forwards to the host's sshd. */
      readonly ports: Readonly<Record<string, number>>;
    };

/** Instances in an AWS account. */
export interface AwsPlatform {
  readonly kind: "aws";
  readonly region: string;
  readonly network: AwsNetwork;
  readonly access: AwsAccess;
  /** How the virtual address is moved; absent: chosen by the balancers' subnets. */
  readonly virtualAddressMode?: "secondary-ip" | "route";
  /** Networks that may use the balancers; absent: the VPC's own ranges. */
  readonly clients?: readonly string[];
  /** Networks that may use the management UI of each broker. */
  readonly consoles: readonly string[];
  /** The image of all instances; absent: the newest one of the system. */
  readonly image?: string;
  /** By host name: an image for this host. */
  readonly images: Readonly<Record<string, string>>;
  /** The user to log in as; absent: the image's own user. */
  readonly user?: string;
  /** Instance types, by what the instances are for. */
  readonly types: { readonly broker: string; readonly balancer: string; readonly bastion: string };
  /** By host name: an instance type for this host. */
  readonly hostTypes: Readonly<Record<string, string>>;
  /** GiB. */
  readonly volumes: { readonly root: number; readonly data: number };
  /** The ARN of the key that encrypts the volumes; absent: the account's own key for EBS. */
  readonly kmsKey?: string;
  readonly terminationProtection: boolean;
  /** Whether destroy deletes the brokers' data without a snapshot. */
  readonly purge: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

/** Where the hosts come from; `kind` is the discriminator. */
export type Platform = LabPlatform | ExistingPlatform | AwsPlatform;

/** A host: its short name and its IPv4 address, both unique in the whole configuration. */
export interface HostEntry {
  /** A host name of one label in lower case (RFC 1123), 1–63 characters. */
  readonly name: string;
  /** IPv4, dotted. */
  readonly address: string;
}

/** A host that runs RabbitMQ. */
export interface Broker extends HostEntry {
  /** Whether the node stores its tables on disk (`disc`) or only in memory (`ram`, RabbitMQ 3 only). */
  readonly type: "disc" | "ram";
}

/** How queues are replicated: classic ones by mirrors, up to RabbitMQ 3.13, or quorum queues by themselves. */
export type QueueKind = "mirrored" | "quorum";

/** A RabbitMQ policy (https://www.rabbitmq.com/docs/policies). */
export interface Policy {
  readonly name: string;
  /** A regular expression on the names of queues and exchanges. */
  readonly pattern: string;
  /** Never empty, such as `{"ha-mode": "all"}`. */
  readonly definition: Readonly<Record<string, unknown>>;
}

/** A user of the definitions, and the hash of its password if that is stated. */
export interface DefinedUser {
  readonly name: string;
  readonly hash?: PasswordHash;
}

/** RabbitMQ's definitions, without passwords and their hashes. */
export interface Definitions {
  /** One for each object, in the order in which they are made: its kind, and its fields as JSON. */
  readonly lines: readonly string[];
  readonly users: readonly DefinedUser[];
  /** Objects that are removed even if they are not empty, as messages name them. */
  readonly remove: readonly string[];
  /** What a file has and the stack does not take over, each with the reason. */
  readonly leftOut: readonly string[];
}

/** The settings of the brokers. */
export interface RabbitmqConfig {
  /** The administrator's name; never `guest`. */
  readonly adminUser: string;
  /** Plug-ins to enable, always including `rabbitmq_management`. */
  readonly plugins: readonly string[];
  /** The archives (.ez) of plug-ins that do not come with RabbitMQ, each of another plug-in; `url` ends with its name. */
  readonly pluginFiles: readonly { readonly url: string; readonly sha256: string }[];
  readonly queues: QueueKind;
  readonly policy: Policy;
  /** What the policy applies to, as `rabbitmqctl set_policy --apply-to` takes it. */
  readonly policyAppliesTo: "all" | "queues" | "quorum_queues";
  /** The type of a queue that is declared without one. */
  readonly queueType: "classic" | "quorum";
  /** Whether the cluster's tables can be in Mnesia; Khepri has no use for `cluster_partition_handling`. */
  readonly hasMnesia: boolean;
  /** Further lines of rabbitmq.conf, key to value; never a key that the program writes itself. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** Erlang terms for advanced.config, application by application; never one that the program writes itself. */
  readonly advanced: readonly ErlangApplication[];
  readonly ports: Ports;
  /** Seconds after which a silent broker counts as gone (Erlang's `net_ticktime`). */
  readonly netTickTime: number;
  /** Above 1, running brokers take the Erlang cookie of that number. */
  readonly cookieRenewal: number;
}

/** HAProxy's source code, to compile it instead of installing the system's package. */
export interface HaproxySource {
  /** Three numbers, such as `2.8.26`. */
  readonly version: string;
  /** The URL of the tarball, http or https. */
  readonly url: string;
  /** The tarball's SHA-256, 64 hexadecimal digits in lower case. */
  readonly sha256: string;
}

/** The settings of the balancers. */
export interface HaproxyConfig {
  /** The maximum of simultaneous connections: of the process, and of each proxy in it. */
  readonly maxConnections: { readonly global: number; readonly proxy: number };
  /** HAProxy's algorithm for choosing a broker. */
  readonly balance: "roundrobin" | "leastconn" | "static-rr" | "first" | "source";
  readonly checkInterval: Duration;
  /** Passed checks after which a broker counts as up. */
  readonly rise: number;
  /** Failed checks after which a broker counts as down. */
  readonly fall: number;
  /** Whether a broker in alarm gets no new connections. */
  readonly avoidAlarms: boolean;
  /**
   * Whether HAProxy sends each client's own address to the brokers, which then expect it of everybody; false switches a
   * stack back that had it. @default the brokers see the balancers' addresses, and nothing is changed
   */
  readonly proxyProtocol?: boolean;
  readonly timeouts: { readonly connect: Duration; readonly client: Duration; readonly server: Duration };
  readonly statsPort: number;
  /** Starts with a slash. */
  readonly statsPath: string;
  readonly statsRefresh: Duration;
  /** Absent: the system's package. */
  readonly source?: HaproxySource;
  /** The brokers that the balancers serve; absent: the stack's own. */
  readonly brokers?: readonly HostEntry[];
}

/** The settings of the virtual address. */
export interface KeepalivedConfig {
  /** VRRP's virtual router identifier, 1–255, unique on the network. */
  readonly virtualRouterId: number;
  /** Seconds between two advertisements, 0.01–40.95 in steps of 0.01 (RFC 5798: 12 bits of centiseconds). */
  readonly advertisementInterval: number;
  /** Whether the first balancer takes the address back once it has recovered. */
  readonly preempt: boolean;
  /** The network interface that carries the address, and VRRP; absent: that of the host's own address. */
  readonly interface?: string;
  /** The prefix length of the virtual address, 1–32; absent: that of the host's own address on its interface. */
  readonly prefixLength?: number;
}

/** TLS for clients. */
export interface TlsConfig {
  /** Further DNS names and IPv4 addresses in every broker's certificate. */
  readonly names: readonly string[];
  /** Whether clients reach the brokers by TLS alone. */
  readonly only: boolean;
  /** Whether the brokers speak TLS with each other; a running cluster cannot change it. */
  readonly interNode: boolean;
  /** TCP ports of brokers and balancers with TLS, of the protocols that are served. */
  readonly ports: ServedTlsPorts;
  /** The numbers of the stack's own authorities: clients trust all of them, and the first one issues. Never empty. */
  readonly authorities: readonly number[];
  /** Another number has all certificates made anew. */
  readonly renewal: number;
  /** The authority's certificate, PEM; absent: the stack makes its own. */
  readonly ca?: string;
  /** The certificate of all brokers, PEM; absent: one for each is issued. */
  readonly certificate?: string;
}

/** The configuration without its secrets. */
export interface ParsedConfig {
  readonly platform: Platform;
  readonly os: OperatingSystem;
  /** An odd number, three or more, unless `settings` choose another partition handling; at least one is `disc`. */
  readonly brokers: readonly Broker[];
  /** Two or more; the first one holds the virtual address when all are healthy. */
  readonly balancers: readonly HostEntry[];
  /** IPv4, in the hosts' network, and not the address of a host. */
  readonly virtualAddress: string;
  readonly clusterName: string;
  readonly rabbitmq: RabbitmqConfig;
  readonly haproxy: HaproxyConfig;
  readonly keepalived: KeepalivedConfig;
  /**
   * The networks from which the balancers' statistics pages and the brokers' metrics may be read; absent: the pages from
   * anywhere, and the metrics only on the broker's own host.
   */
  readonly metricsFrom?: readonly string[];
  readonly packages: PackageSources;
  /** The administrators, the newest first; never empty. */
  readonly administrators: readonly [string, ...string[]];
  /** Former administrators who are deleted even if somebody is connected as them. @default none */
  readonly closeConnections?: readonly string[];
  /** Absent if nothing is defined. */
  readonly definitions?: Definitions;
  /** Absent: no TLS. */
  readonly tls?: TlsConfig;
}

/** The configured secrets; an absent one is generated or not used. */
export interface Secrets {
  readonly adminPassword?: pulumi.Output<string>;
  /** At most 255 letters and digits. */
  readonly erlangCookie?: pulumi.Output<string>;
  readonly sshPrivateKey?: pulumi.Output<string>;
  readonly statsPassword?: pulumi.Output<string>;
  /** The private keys of `tls.ca` and of `tls.certificate`, PEM. */
  readonly tlsCaKey?: pulumi.Output<string>;
  readonly tlsKey?: pulumi.Output<string>;
  /** Lines of rabbitmq.conf with a secret, key to value; absent if there are none. */
  readonly settings?: pulumi.Output<Readonly<Record<string, string | number | boolean>>>;
  /** By user of the definitions; absent if there are none. */
  readonly userPasswords?: Readonly<Record<string, pulumi.Output<string>>>;
}

/** The whole configuration of a stack, frozen. */
export interface Config extends ParsedConfig {
  /** What goes through the balancers, by the brokers' ports, plug-ins and TLS. */
  readonly frontends: readonly Frontend[];
  readonly secrets: Secrets;
}
