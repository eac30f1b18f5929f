/** What a machine has of its former life that would stop the set-up half-way, or undo it later. */
import { brokerDataFolder } from "../../../hosts/broker-paths.ts";
import { splitAtSpace } from "./probe-line.ts";
import type { ProbeTarget } from "./probe-target.ts";

export interface Surroundings {
  /** The host's name as it is now. */
  readonly hostName: string | undefined;
  /** The login shell of the user who logs in; undefined if nobody says. */
  readonly loginShell: string | undefined;
  /** The services of its role that are masked. */
  readonly maskedUnits: readonly string[];
  /** Whether this program has been on the machine before. */
  readonly isKnown: boolean;
  readonly doesBrokerRun: boolean;
  /** The files that cannot be replaced, and why. */
  readonly fixedFiles: readonly { readonly path: string; readonly why: string }[];
  /** The file by which cloud-init writes /etc/hosts at each boot, and the value of manage_etc_hosts there. */
  readonly hostsManager: { readonly path: string; readonly value: string } | undefined;
  /** The rule of the machine's firewall that counts connections to sshd, and how many it lets in, in which time. */
  readonly connectionLimit: ConnectionLimit | undefined;
}

export interface ConnectionLimit {
  /** A chain of iptables; or `nftables`, and a chain's family, table and name. */
  readonly chain: string;
  readonly count: number;
  readonly seconds: number;
}

/** The services that the program configures and starts. */
export const unitsOf = { broker: ["rabbitmq-server"], balancer: ["haproxy", "keepalived"] } as const;

/** @param all the values of a key, as the probe has printed them */
export function parseSurroundings(all: (key: string) => readonly string[]): Surroundings {
  const [manager] = all("hosts-manager").map(splitAtSpace);
  return {
    hostName: all("hostname")[0],
    // An account without a shell gets /bin/sh (passwd(5)).
    loginShell: all("shell")[0] === "" ? "/bin/sh" : all("shell")[0],
    maskedUnits: all("masked"),
    isKnown: all("known").includes("yes") || all("owner").length > 0,
    doesBrokerRun: all("broker").includes("runs"),
    fixedFiles: all("fixed")
      .map(splitAtSpace)
      .map(([path, why]) => ({ path, why })),
    hostsManager: manager === undefined ? undefined : { path: manager[0], value: unquoted(manager[1]) },
    connectionLimit: parseConnectionLimit(all),
  };
}

/** @param all the values of a key, as a probe has printed them */
export function parseConnectionLimit(all: (key: string) => readonly string[]): ConnectionLimit | undefined {
  const [limit] = all("limited").map((text) => text.split(" "));
  if (limit === undefined) return undefined;
  // nftables:FAMILY:TABLE:CHAIN
  return { chain: (limit[0] ?? "").replaceAll(":", " "), count: Number(limit[1]), seconds: Number(limit[2]) };
}

function unquoted(text: string): string {
  return text.replace(/^(["'])(.*)\1$/, "$2").toLowerCase();
}

export interface SurroundedHost {
  readonly machine: ProbeTarget;
  readonly facts: { readonly surroundings: Surroundings; readonly dataNodes: readonly string[] };
}

/** @returns a line for each of them */
export function surroundingFaults({ machine, facts }: SurroundedHost): string[] {
  const { surroundings } = facts;
  return [
    ...shellFaults(surroundings, machine.login.user),
    ...connectionFaults(surroundings, machine.login.port),
    ...surroundings.maskedUnits.map(
      (unit) => `${unit} is masked, so nobody can start it; allow it: systemctl unmask ${unit}`,
    ),
    ...fixedFileFaults(surroundings, machine.name),
    ...hostsManagerFaults(surroundings),
    ...ownBrokerFaults(machine, facts),
  ];
}

/** Restricted shells (rbash) are none of these: they run no program by its path. */
const posixShells = /^(ba|da|a|k|mk|ok|lok|pdk|z)?sh(93)?$|^busybox$/;

function shellFaults({ loginShell }: Surroundings, user: string): string[] {
  if (loginShell === undefined || posixShells.test(loginShell.split("/").at(-1) ?? "")) return [];
  return [
    `the login shell of the user ${user} is ${loginShell}, and sshd runs every step with it, which needs a POSIX shell; ` +
      `change it (usermod -s /bin/bash ${user}), or set another existing.user`,
  ];
}

/** @returns the command that accepts an address before a limiting rule of a chain; nftables' have their family and table */
function exemption(chain: string, port: number): string {
  if (chain.startsWith("ufw")) return `ufw insert 1 allow from ADDRESS to any port ${port} proto tcp`;
  if (!chain.startsWith("nftables "))
    return `iptables -I ${chain} -p tcp --dport ${port} -s ADDRESS -j ACCEPT`;
  return `nft insert rule ${chain.replace("nftables ", "")} ip saddr ADDRESS tcp dport ${port} accept`;
}

/** A little more than the most connections that a first `up` makes to a host: each step has one of its own. */
export const connectionsOfUp = 45;

/** @param wanted the connections of a first `up` */
export function connectionFaults(
  { connectionLimit }: Pick<Surroundings, "connectionLimit">,
  port: number,
  wanted = connectionsOfUp,
): string[] {
  if (connectionLimit === undefined || connectionLimit.count > wanted) return [];
  const { chain, count, seconds } = connectionLimit;
  return [
    `its firewall (${chain}) refuses who connects to port ${port} ${count} times in ${seconds} s, and up connects once for each ` +
      `step; exempt the address that this computer comes from: ${exemption(chain, port)}`,
  ];
}

function fixedFileFaults({ fixedFiles, hostName }: Surroundings, name: string): string[] {
  return fixedFiles
    .filter(({ path }) => path !== "/etc/hostname" || hostName?.split(".")[0] !== name)
    .map(({ path, why }) =>
      why === "mount"
        ? `${path} is a mount of its own, so it cannot be replaced; unmount it (umount ${path}), or have whatever starts the ` +
          "machine not mount it"
        : `${path} cannot be written; make it writable (chattr -i ${path}, or mount -o remount,rw the file system of /etc)`,
    );
}

function hostsManagerFaults({ hostsManager }: Surroundings): string[] {
  if (hostsManager === undefined || ["false", "no", "off", ""].includes(hostsManager.value)) return [];
  const { path, value } = hostsManager;
  const remedy = path.startsWith("/etc/")
    ? "set it to false there"
    : "change the machine's user data, or switch cloud-init off (touch /etc/cloud/cloud-init.disabled)";
  return [
    `cloud-init writes /etc/hosts at each boot (manage_etc_hosts: ${value} in ${path}), so the stack's names would be lost; ${remedy}`,
  ];
}

/**
 * A broker with data of its own that no stack has made. Its cookie is another one, and a cluster takes in no broker with
 * data of its own.
 */
function ownBrokerFaults(
  { name, role }: ProbeTarget,
  { dataNodes, surroundings: { isKnown, doesBrokerRun } }: SurroundedHost["facts"],
): string[] {
  const own = `rabbit@${name}`;
  if (role !== "broker" || isKnown || !dataNodes.includes(own)) return [];
  const stop = "systemctl disable --now rabbitmq-server";
  return [
    `${doesBrokerRun ? "runs" : "has the data of"} a RabbitMQ of its own, ${own}, which no stack has set up and no cluster can take in; ` +
      `give another machine, or put its data away: ${stop}; mv ${brokerDataFolder} ${brokerDataFolder}.before`,
  ];
}
