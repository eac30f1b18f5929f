/** The differences between the operating systems that a host can run. A new one does not compile until its row is complete. */
import * as pulumi from "@pulumi/pulumi";
import type { OperatingSystem } from "./host.ts";
import type { PlatformKind } from "./platform-kinds.ts";

/** What a host needs packages for; each system has its own packages for each role. */
export type PackageRole = "broker" | "haproxy" | "keepalived" | "arping" | "socat" | "build" | "awscli";

export interface System {
  /** The platforms that offer it: the lab if it has images of it, aws if the AWS CLI is among its packages. */
  readonly platforms: readonly PlatformKind[];
  /** A shell pattern that matches ID-VERSION_ID of /etc/os-release. */
  readonly release: string;
  /** The package manager. */
  readonly installer: "apt" | "yum" | "dnf";
  /** The packages for each role. */
  readonly packages: Readonly<Record<PackageRole, readonly string[]>>;
  /** systemd's version, which decides which directives its units may have. */
  readonly systemd: number;
  /** How the package's haproxy.service takes further options, and whether it lacks something. */
  readonly haproxy: HaproxyPackage;
  /** The series of RabbitMQ that its packages are known to be: an expectation, for where no machine says what it has. */
  readonly rabbitmq: string;
  /** The major version of Keepalived: version 1 has no notify_master_rx_lower_pri. */
  readonly keepalived: 1 | 2;
  /** An extended regular expression: the URLs that a mirror of the system's packages replaces. */
  readonly archive: string;
  /** The folders below a mirror that hold the system's own packages, including python3. */
  readonly folders?: readonly string[];
  /** The mirror to use because the system's own sources are gone. @default the system's own sources */
  readonly mirror?: string;
  /** Team RabbitMQ's repository for it. @default there is none */
  readonly repository?: TeamRepository;
  /** The path prefix of the scripts that Keepalived runs: with SELinux, a folder from which it may run them. */
  readonly keepalivedScripts: string;
  /** Whether the system comes with SELinux. */
  readonly selinux: boolean;
  /** Whether its AWS CLI is older than version 2 of EC2's metadata service, so that it must be given its role's keys. */
  readonly hasOldAwsCli?: boolean;
  /** The warning for a system past its end of life. @default none */
  readonly warning?: string;
}

export interface TeamRepository {
  /** Its folder, such as `el/9`, or with apt `debian/bookworm`, whose last part is the suite too. */
  readonly folder: string;
  /** Whether the system's own packages have no Erlang that is new enough, so that the repository has it. */
  readonly hasErlang: boolean;
}

export interface HaproxyPackage {
  /** The variable of the unit's command line that takes further options. */
  readonly variable: "EXTRAOPTS" | "OPTIONS";
  /** The options to keep that the package itself puts into the variable; each with a space after it. */
  readonly options: string;
  /** Whether the unit has a runtime directory for the socket and /dev/log in the chroot, and no file that overrides Environment=. */
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
  // iputils has the same arping.
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
 * What the rebuilds of Red Hat's systems have in common. Their SELinux policy labels files in /usr/libexec/keepalived
 * as scripts that may do what Keepalived itself may not (keepalived_unconfined_script_exec_t; keepalived_selinux(8)).
 */
const rpm = {
  packages: rpmPackages,
  haproxy: { variable: "OPTIONS", options: "", complete: false },
  rabbitmq: "3.13",
  keepalived: 2,
  folders: ["BaseOS/$basearch/os/", "AppStream/$basearch/os/"],
  keepalivedScripts: "/usr/libexec/keepalived/rabbitmq-ha-",
  selinux: true,
} as const;

/** The URLs of Rocky's and Alma's repositories, up to `/BaseOS/$basearch/os/`. */
const rebuildArchive = String.raw`https?://(dl\.rockylinux\.org/\$contentdir|repo\.almalinux\.org/almalinux)/\$releasever`;

export const systems: Readonly<Record<OperatingSystem, System>> = {
  "debian-12": {
    ...apt,
    platforms: ["lab", "existing", "aws"],
    release: "debian-12",
    systemd: 252,
    rabbitmq: "3.10",
    repository: { folder: "debian/bookworm", hasErlang: true },
    archive: "[a-z]+://[^ ]*/debian/?",
  },
  "debian-13": {
    ...apt,
    platforms: ["lab", "existing", "aws"],
    release: "debian-13",
    systemd: 257,
    rabbitmq: "4.0",
    repository: { folder: "debian/trixie", hasErlang: false },
    archive: "[a-z]+://[^ ]*/debian/?",
  },
  "ubuntu-24.04": {
    ...apt,
    platforms: ["existing"],
    release: "ubuntu-24.04",
    systemd: 255,
    rabbitmq: "3.12",
    repository: { folder: "ubuntu/noble", hasErlang: true },
    // Ubuntu 24.04 has the AWS CLI as a snap only.
    packages: { ...aptPackages, awscli: [] },
    archive: "[a-z]+://[^ ]*/ubuntu/?",
  },
  "ubuntu-26.04": {
    ...apt,
    platforms: ["existing"],
    release: "ubuntu-26.04",
    systemd: 259,
    rabbitmq: "4.0",
    packages: { ...aptPackages, awscli: [] },
    archive: "[a-z]+://[^ ]*/ubuntu/?",
  },
  "rocky-8": {
    ...rpm,
    platforms: ["existing", "aws"],
    release: "rocky-8*|almalinux-8*",
    installer: "dnf",
    systemd: 239,
    archive: rebuildArchive,
    repository: { folder: "el/8", hasErlang: true },
  },
  "rocky-9": {
    ...rpm,
    platforms: ["existing", "aws"],
    release: "rocky-9*|almalinux-9*",
    installer: "dnf",
    systemd: 252,
    // In AppStream since 9.5.
    packages: { ...rpmPackages, awscli: ["awscli2"] },
    archive: rebuildArchive,
    repository: { folder: "el/9", hasErlang: true },
  },
  "rocky-10": {
    ...rpm,
    platforms: ["existing"],
    release: "rocky-10*|almalinux-10*",
    installer: "dnf",
    systemd: 257,
    archive: rebuildArchive,
    // Team RabbitMQ has none of its own for 10 (https://www.rabbitmq.com/docs/install-rpm).
    repository: { folder: "el/9", hasErlang: true },
  },
  "centos-7": {
    ...rpm,
    platforms: ["existing", "aws"],
    release: "centos-7",
    installer: "yum",
    systemd: 219,
    rabbitmq: "3.9",
    keepalived: 1,
    // awscli 1.14.28, of 2018; the second version of the metadata service is of 2019.
    hasOldAwsCli: true,
    folders: ["os/$basearch/"],
    archive: String.raw`https?://mirror\.centos\.org/(centos|altarch)/(\$releasever|7)`,
    // http is enough: packages are signed, and el7's own certificates may be too old for https.
    mirror: "http://vault.centos.org/7.9.2009",
    warning:
      "CentOS 7 has had no updates, not even for security, since June 2024; its RabbitMQ 3.9, Erlang 23 and HAProxy 1.5 " +
      "get none either. Use rocky-9 (or AlmaLinux 9 under that name), debian-12 or ubuntu-24.04 if you can.",
  },
};

export const operatingSystems = Object.keys(systems) as OperatingSystem[];

/** What the templates of units have to know of a system's systemd. */
export interface SystemdValues {
  /**
   * Older than 230, as on CentOS 7: it limits starts by StartLimitInterval= in [Service], and has neither
   * BindReadOnlyPaths= nor CollectMode= nor RuntimeMaxSec= (systemd's NEWS, 229 to 236).
   */
  readonly oldSystemd: boolean;
  /** Whether a unit can wait longer before each further restart: RestartSteps= (systemd's NEWS, 254). */
  readonly hasRestartSteps: boolean;
}

export function systemdValues(os: OperatingSystem): SystemdValues {
  const { systemd } = systems[os];
  return { oldSystemd: systemd < 230, hasRestartSteps: systemd >= 254 };
}

/** @returns the systems that a platform offers, in the order of `systems` */
export function systemsOf(platform: PlatformKind): OperatingSystem[] {
  return operatingSystems.filter((os) => systems[os].platforms.includes(platform));
}

/** Logs a warning if the system is past its end of life. */
export function warnOfEndOfLife(os: OperatingSystem): void {
  const { warning } = systems[os];
  if (warning !== undefined) void pulumi.log.warn(warning);
}
