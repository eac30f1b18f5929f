/** The differences between the stand-ins: the values for templates/machines/stand-in. */
import { render } from "../../templates/render.ts";

export type StandInSystem = "centos-7" | "rocky-9";

/** The values of one system. Versions are a version and a release, with a space between. */
export interface Recipe {
  /** The usual name, with the version. */
  readonly title: string;
  /** The name without a version. */
  readonly family: string;
  /** The environment variable with the name of a real image, with systemd and sshd, to use instead of the stand-in. */
  readonly imageVariable: string;
  /** The folders of its mirror, each with the subfolder `below`. */
  readonly rooms: readonly string[];
  readonly below: string;
  /** Folders of the mirror: those with packages, as a pattern; the base system's; that of all other packages. */
  readonly filled: string;
  readonly base: string;
  readonly main: string;
  /** The file of the key that signs the packages. */
  readonly key: string;
  readonly release: { readonly name: string; readonly version: string; readonly major: string };
  /** The version of the packages that the image has from Debian. */
  readonly standard: string;
  /** The name of the Python package. */
  readonly python: string;
  readonly versions: Readonly<
    Record<
      | "keepalived"
      | "haproxy"
      | "socat"
      | "iputils"
      | "gcc"
      | "make"
      | "erlang"
      | "leastErlang"
      | "rabbitmq"
      | "glibc"
      | "openssl"
      | "pcre"
      | "zlib"
      | "systemd",
      string
    >
  >;
}

export const recipes: Readonly<Record<StandInSystem, Recipe>> = {
  "centos-7": {
    title: "CentOS 7",
    family: "CentOS",
    imageVariable: "RABBITMQ_HA_CENTOS7_IMAGE",
    rooms: ["os", "updates", "extras"],
    below: "x86_64",
    filled: "os/x86_64",
    base: "os/x86_64",
    main: "os/x86_64",
    key: "RPM-GPG-KEY-CentOS-7",
    release: { name: "centos-release", version: "7 9.2009.1.el7.centos", major: "7" },
    standard: "7.9 1.el7",
    python: "python",
    versions: {
      keepalived: "1.3.5 19.el7",
      haproxy: "1.5.18 9.el7_9.1",
      socat: "1.7.3.2 2.el7",
      iputils: "20160308 10.el7",
      gcc: "4.8.5 44.el7",
      make: "3.82 24.el7",
      erlang: "23.3.4.18 1.el7",
      leastErlang: "23.2",
      rabbitmq: "3.9.16 1.el7",
      glibc: "2.17 326.el7_9",
      openssl: "1.0.2k 26.el7_9",
      pcre: "8.32 17.el7",
      zlib: "1.2.7 21.el7_9",
      systemd: "219 78.el7_9.9",
    },
  },
  "rocky-9": {
    title: "Rocky 9",
    family: "Rocky",
    imageVariable: "RABBITMQ_HA_ROCKY9_IMAGE",
    rooms: ["BaseOS", "AppStream", "extras"],
    below: "x86_64/os",
    filled: "{BaseOS,AppStream}/x86_64/os",
    base: "BaseOS/x86_64/os",
    main: "AppStream/x86_64/os",
    key: "RPM-GPG-KEY-Rocky-9",
    release: { name: "rocky-release", version: "9.5 1.2.el9", major: "9" },
    standard: "9.5 1.el9",
    python: "python3",
    versions: {
      keepalived: "2.2.8 4.el9_5",
      haproxy: "2.4.22 3.el9_5.1",
      socat: "1.7.4.1 6.el9",
      iputils: "20210202 10.el9_5",
      gcc: "11.5.0 5.el9_5",
      make: "4.3 8.el9",
      erlang: "26.2.5.6 1.el9",
      leastErlang: "26.0",
      rabbitmq: "3.13.7 1.el8",
      glibc: "2.34 125.el9_5.1",
      openssl: "3.2.2 6.el9_5",
      pcre: "8.44 4.el9",
      zlib: "1.2.11 40.el9",
      systemd: "252 46.el9_5.2",
    },
  },
};

/** @returns the script that builds a system's stand-in from the lab's Debian image, and its mirror */
export function buildScript(system: StandInSystem): string {
  const recipe = recipes[system];
  const { standard, rooms, below, release, versions } = recipe;
  const part = (name: string): string => render(`machines/${system}/${name}`, {}).trimEnd();
  return render("machines/stand-in/build.sh", {
    ...recipe,
    repositories: `{${rooms.join(",")}}/${below}`,
    // The packages that are installed in the image itself.
    known: { version: standard, files: `{${release.name}-,*-${standard.replace(" ", "-")}.}*.rpm` },
    headers: [
      { name: "glibc-devel", version: versions.glibc, debian: "libc6-dev" },
      { name: "openssl-devel", version: versions.openssl, debian: "libssl-dev" },
      { name: "pcre-devel", version: versions.pcre, debian: "libpcre3-dev" },
      { name: "zlib-devel", version: versions.zlib, debian: "zlib1g-dev" },
      { name: "systemd-devel", version: versions.systemd, debian: "libsystemd-dev" },
    ],
    parts: {
      keepalived: part("keepalived.service"),
      haproxy: part("haproxy.sh"),
      release: part("release.sh"),
      settings: part("settings.sh"),
      commands: part("commands.sh"),
    },
  });
}
