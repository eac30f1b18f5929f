/** What differs between the systems that a host can run. Adding one fails to compile until its row is complete. */
import * as pulumi from "@pulumi/pulumi";
import type { OperatingSystem } from "./host.ts";

/** What a host can be asked to have; each system has packages of its own for it. */
export type Noun = "broker" | "haproxy" | "keepalived" | "arping" | "socat" | "build" | "awscli";

/** Where hosts come from: the stack's `platform`. */
export type PlatformKind = "lab" | "existing" | "aws";

export interface System {
  /** The platforms that offer it: the lab where it has images of it, aws where its packages have the AWS CLI. */
  readonly platforms: readonly PlatformKind[];
  /** A shell pattern of ID-VERSION_ID in /etc/os-release. */
  readonly release: string;
  /** The program that installs packages. */
  readonly installer: "apt" | "yum" | "dnf";
  /** The names of the packages behind each noun. */
  readonly packages: Readonly<Record<Noun, readonly string[]>>;
  /** systemd's version: which words its units may have. */
  readonly systemd: number;
  /** How the package's haproxy.service takes further options, and what of HAProxy's needs it lacks. */
  readonly haproxy: HaproxyPackage;
  /** The major version of RabbitMQ: with 4 there are no mirrored queues and no ram nodes. */
  readonly rabbitmq: 3 | 4;
  /** The major version of Keepalived: with 1 a master has no word for one that took itself for another. */
  readonly keepalived: 1 | 2;
  /** The URLs, as an extended regular expression, that a mirror of the system's packages stands in for. */
  readonly archive: string;
  /** The folders below a mirror that have the system's own packages, python3 among them. */
  readonly folders?: readonly string[];
  /** The mirror to use where the system's own sources are gone. @default the system's own sources */
  readonly mirror?: string;
  /** The folder of Team RabbitMQ's repository with the brokers' packages. @default the system has packages of its own */
  readonly repository?: string;
  /** What stands before the names of the programs that Keepalived runs: where SELinux is, it lets them run there. */
  readonly keepalivedScripts: string;
  /** Whether the system comes with SELinux. */
  readonly selinux: boolean;
  /** Whether its AWS CLI is older than version 2 of EC2's metadata service, and has to be given its role's keys. */
  readonly oldAwsCli?: boolean;
  /** Said loudly of a system past its end. @default nothing */
  readonly warning?: string;
}

export interface HaproxyPackage {
  /** The variable of the unit's command line that takes further options. */
  readonly variable: "EXTRAOPTS" | "OPTIONS";
  /** Options to keep of those that the package itself puts there; each with a space after it. */
  readonly options: string;
  /** Whether the unit is complete: a runtime directory for the socket, /dev/log in the chroot, no file over Environment=. */
  readonly complete: boolean;
}

const aptPackages: System["packages"] = {
  broker: ["rabbitmq-server"],
  haproxy: ["haproxy"],
  keepalived: ["keepalived"],
  arping: ["iputils-arping"],
  socat: ["socat"],
  build: ["gcc", "make", "libc6-dev", "libsystemd-dev", "curl", "ca-certificates"],
  awscli: ["awscli"],
};

const rpmPackages: System["packages"] = {
  ...aptPackages,
  broker: ["erlang", "rabbitmq-server"],
  // Its arping is the one of iputils.
  arping: ["iputils"],
  build: ["gcc", "make", "glibc-devel", "systemd-devel", "curl", "ca-certificates", "tar", "gzip"],
};

/** What Debian and Ubuntu have in common. */
const apt = {
  installer: "apt",
  keepalived: 2,
  packages: aptPackages,
  haproxy: { variable: "EXTRAOPTS", options: "-S /run/haproxy-master.sock ", complete: true },
  keepalivedScripts: "/usr/local/lib/rabbitmq-ha/",
  selinux: false,
} as const;

/**
 * What the rebuilds of Red Hat's systems have in common. Their SELinux policy labels what lies in
 * /usr/libexec/keepalived as scripts that may do what Keepalived itself may not (keepalived_unconfined_script_exec_t;
 * keepalived_selinux(8)).
 */
const rpm = {
  packages: rpmPackages,
  haproxy: { variable: "OPTIONS", options: "", complete: false },
  rabbitmq: 3,
  keepalived: 2,
  folders: ["BaseOS/$basearch/os/", "AppStream/$basearch/os/"],
  keepalivedScripts: "/usr/libexec/keepalived/rabbitmq-ha-",
  selinux: true,
} as const;

/** What stands before `/BaseOS/$basearch/os/` in the repositories of Rocky and Alma. */
const rebuilds = String.raw`https?://(dl\.rockylinux\.org/\$contentdir|repo\.almalinux\.org/almalinux)/\$releasever`;

export const systems: Readonly<Record<OperatingSystem, System>> = {
  "debian-12": {
    ...apt,
    platforms: ["lab", "existing", "aws"],
    release: "debian-12",
    systemd: 252,
    rabbitmq: 3,
    archive: "[a-z]+://[^ ]*/debian/?",
  },
  "debian-13": {
    ...apt,
    platforms: ["lab", "existing", "aws"],
    release: "debian-13",
    systemd: 257,
    rabbitmq: 4,
    archive: "[a-z]+://[^ ]*/debian/?",
  },
  "ubuntu-24.04": {
    ...apt,
    platforms: ["existing"],
    release: "ubuntu-24.04",
    systemd: 255,
    rabbitmq: 3,
    // Ubuntu 24.04 has the AWS CLI as a snap only.
    packages: { ...aptPackages, awscli: [] },
    archive: "[a-z]+://[^ ]*/ubuntu/?",
  },
  "rocky-8": {
    ...rpm,
    platforms: ["existing", "aws"],
    release: "rocky-8*|almalinux-8*",
    installer: "dnf",
    systemd: 239,
    archive: rebuilds,
    repository: "el/8",
  },
  "rocky-9": {
    ...rpm,
    platforms: ["existing", "aws"],
    release: "rocky-9*|almalinux-9*",
    installer: "dnf",
    systemd: 252,
    // In AppStream since 9.5.
    packages: { ...rpmPackages, awscli: ["awscli2"] },
    archive: rebuilds,
    repository: "el/9",
  },
  "centos-7": {
    ...rpm,
    platforms: ["existing", "aws"],
    release: "centos-7",
    installer: "yum",
    systemd: 219,
    keepalived: 1,
    // awscli 1.14.28, of 2018; the second version of the metadata service is of 2019.
    oldAwsCli: true,
    folders: ["os/$basearch/"],
    archive: String.raw`https?://mirror\.centos\.org/(centos|altarch)/(\$releasever|7)`,
    // Packages are signed, and el7's own certificates may be too old for https.
    mirror: "http://vault.centos.org/7.9.2009",
    warning:
      "CentOS 7 has had no updates, and none for security, since June 2024; its RabbitMQ 3.9, Erlang 23 and HAProxy 1.5 " +
      "have none either. Take rocky-9 (or AlmaLinux 9 under that name), debian-12 or ubuntu-24.04 where you can.",
  },
};

export const operatingSystems = Object.keys(systems) as OperatingSystem[];

/**
 * @returns whether systemd is older than 230, as CentOS 7's is: it counts starts by StartLimitInterval= in [Service],
 * and has neither BindReadOnlyPaths= nor CollectMode= nor RuntimeMaxSec= (systemd's NEWS, 229 to 236)
 */
export function oldSystemd(os: OperatingSystem): boolean {
  return systems[os].systemd < 230;
}

/** @returns the systems that a platform offers, in the table's order */
export function systemsOf(platform: PlatformKind): OperatingSystem[] {
  return operatingSystems.filter((os) => systems[os].platforms.includes(platform));
}

/** Says once, loudly, that a system is past its end. */
export function warnOfEnd(os: OperatingSystem): void {
  const { warning } = systems[os];
  if (warning !== undefined) void pulumi.log.warn(warning);
}
