/** What platforms hand to components: hosts, and how to reach them. */
import type * as pulumi from "@pulumi/pulumi";

/** The operating systems a host can run. Each platform offers some of them (systems.ts). */
export type OperatingSystem =
  | "debian-12"
  | "debian-13"
  | "centos-7"
  | "rocky-8"
  | "rocky-9"
  | "rocky-10"
  | "ubuntu-24.04"
  | "ubuntu-26.04";

/** What a host is for. */
export type HostRole = "broker" | "balancer";

/** How to log in to one machine by SSH: by key, and only if it shows the pinned host key. */
export interface SshEndpoint<Text = pulumi.Output<string>> {
  readonly host: Text | string;
  /** TCP port of sshd. */
  readonly port: number;
  readonly user: string;
  /** In OpenSSH's own form or PEM. */
  readonly privateKey: Text;
  /** The server's public key, as a line of authorized_keys. @default any key is accepted */
  readonly hostKey?: Text | string;
}

/** How a host is reached: directly, or through a bastion. */
export interface Connection<Text = pulumi.Output<string>> extends SshEndpoint<Text> {
  readonly proxy?: SshEndpoint<Text>;
}

/** A file to fetch: by http, by https, or, as `file:`, from the host's own disk. */
export interface Download {
  readonly url: string;
  /** 64 hexadecimal digits in lower case. */
  readonly sha256: string;
}

/** A package repository with RabbitMQ, and mostly with Erlang. */
export interface BrokerRepository {
  /** Its base URL, without a slash at the end. @default Team RabbitMQ's own servers */
  readonly url?: string;
  /** Whether all packages are in one repository right at the URL; if not, it is laid out like Team RabbitMQ's. */
  readonly isFlat: boolean;
  /** The series to install from it, such as `4.2`. */
  readonly series: string;
  /** The key that signs it: the armoured file's URL, and the fingerprint in 40 capitals; absent: Team RabbitMQ's. */
  readonly key?: { readonly url: string; readonly fingerprint: string };
  /** Whether it is trusted without a signature. */
  readonly isTrusted: boolean;
}

/** Where a host's software comes from, as far as it is configured. */
export interface PackageSources {
  /** The HTTP proxy for all downloads, such as `http://proxy.example.org:3128`. @default none */
  readonly proxy?: string;
  /** The base URL of a mirror of the system's packages. @default the system's own, or CentOS's vault */
  readonly mirror?: string;
  /** The RPMs of the brokers. @default the system's own packages, or Team RabbitMQ's repository */
  readonly rpms?: { readonly erlang: Download; readonly rabbitmq: Download };
  /** Where the brokers' packages come from. @default the system's own, or Team RabbitMQ's repository with 3.13 */
  readonly repository?: BrokerRepository;
  /** The version of the package rabbitmq-server. @default the newest at the first installation, then unchanged */
  readonly brokerVersion?: string;
}

/** How the virtual address is moved to a host in a network that does not learn it from ARP. */
export interface AddressMove {
  /**
   * A script: without an argument it moves the address to this host, and returns after its own deadline at the latest;
   * with the argument `there` it only says, by its exit code, whether the network sends the address to this host.
   */
  readonly script: pulumi.Input<string>;
  /** The packages that it needs on the host. */
  readonly packageRoles: readonly "awscli"[];
}

/** An address of a host, and where it is. */
export interface HostAddress {
  /** IPv4, dotted. */
  readonly address: string;
  /** The network interface that carries the address. */
  readonly interface: string;
  /** Of the network that the address belongs to, 1–32. */
  readonly prefixLength: number;
}

/** A machine on which software can be installed; its own address is the one at which the others reach it. */
export interface Host extends HostAddress {
  /** Its short name, which is also its host name. */
  readonly name: string;
  readonly os: OperatingSystem;
  /** Of a balancer: the address at which it speaks VRRP, in the virtual address's network. @default its own address */
  readonly vrrp?: HostAddress;
  readonly connection: Connection;
  /** @default the system's own sources, without a proxy */
  readonly packages?: PackageSources;
  /** How the virtual address is moved to this host. @default Keepalived alone moves it */
  readonly moveAddress?: AddressMove;
  /** Whether the user that logs in becomes root by sudo; if not, that user is root. */
  readonly sudo: boolean;
  /** Changes if and only if the machine is another one: then everything on it is created again. */
  readonly identity: pulumi.Input<string>;
  /** The machine's resource: when it is deleted, nothing needs to be undone on the host. */
  readonly machine: pulumi.Resource;
  /** The stack whose mark is on the machine. @default a machine that the stack has made has no mark */
  readonly stackId?: string;
  /** Done once the host answers, is seen to run the stated system, has the program, and is prepared. */
  readonly ready: readonly pulumi.Resource[];
}
