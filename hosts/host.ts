/** The one currency between platforms and components. */
import type * as pulumi from "@pulumi/pulumi";

/** The systems a host can run. Which of them a platform offers is the platform's own matter. */
export type OperatingSystem = "debian-12" | "debian-13" | "centos-7" | "rocky-8" | "rocky-9" | "ubuntu-24.04";

/** How one machine is logged in to: by key, and only if it shows the pinned host key. */
export interface Way<Text = pulumi.Output<string>> {
  readonly host: Text | string;
  /** TCP port of sshd. */
  readonly port: number;
  readonly user: string;
  /** In OpenSSH's own form or PEM. */
  readonly privateKey: Text;
  /** The server's public key, as a line of authorized_keys. @default any key is taken */
  readonly hostKey?: Text | string;
}

/** How a host is reached: straight, or through a bastion. */
export interface Connection<Text = pulumi.Output<string>> extends Way<Text> {
  readonly proxy?: Way<Text>;
}

/** A file that is fetched: by http, by https, or, as `file:`, from the host's own disc. */
export interface Download {
  readonly url: string;
  /** 64 hexadecimal digits in lower case. */
  readonly sha256: string;
}

/** Where a host's software comes from, as far as somebody has said so. */
export interface PackageSources {
  /** The HTTP proxy for all that is fetched, such as `http://proxy.example.org:3128`. @default none */
  readonly proxy?: string;
  /** The base URL of a mirror of the system's packages. @default the system's own, or CentOS's vault */
  readonly mirror?: string;
  /** The RPMs of the brokers. @default the system's own packages, or Team RabbitMQ's repository */
  readonly rpms?: { readonly erlang: Download; readonly rabbitmq: Download };
  /** The version of the package rabbitmq-server. @default the newest at the first installation, which then stays */
  readonly brokerVersion?: string;
}

/** How an address comes to a host in a network that does not learn it from ARP. */
export interface AddressMove {
  /**
   * A program, as a file: without an argument it brings the address here, and returns at the latest after its own deadline;
   * with the argument `there` it only says, by its exit code, whether the network sends the address here.
   */
  readonly script: pulumi.Input<string>;
  /** What it needs on the host. */
  readonly needs: readonly "awscli"[];
}

/** A machine that software can be put on. */
export interface Host {
  /** Its short name, which is its host name too. */
  readonly name: string;
  /** Its IPv4 address, dotted. */
  readonly address: string;
  readonly os: OperatingSystem;
  /** The network interface that carries the address. */
  readonly interface: string;
  /** Of the address's network, 1–32. */
  readonly prefixLength: number;
  readonly connection: Connection;
  /** @default the system's own sources, without a proxy */
  readonly packages?: PackageSources;
  /** What has to be done for the virtual address to come to this host. @default nothing but what Keepalived does itself */
  readonly moveAddress?: AddressMove;
  /** Whether the user that logs in becomes root by sudo; else that user is root. */
  readonly sudo: boolean;
  /** Changes when the machine is another one, and only then: everything on it is then made anew. */
  readonly identity: pulumi.Input<string>;
  /** The resource that the host goes with: when it is deleted, nothing need be undone on the host. */
  readonly machine: pulumi.Resource;
  /** The resource that says that the host answers and is the system that was stated. */
  readonly ready: pulumi.Resource;
}
