/** Checks over SSH which host holds the virtual address, and whether the services run. */
import { reasonOf } from "../cause.ts";
import {
  fail,
  type Finding,
  runCheck,
  needsOperator,
  hostUnreachable,
  type Verdict,
  combineVerdicts,
} from "../finding.ts";
import {
  type HostFindings,
  judgeFiles,
  judgeInterNode,
  judgeWatch,
  parseHostFindings,
} from "./host-findings.ts";
import type { Login, System } from "../outputs.ts";
import { keepalivedServiceNames } from "./resources.ts";
import { judgeTakeOver, parseVrrpReport, type VrrpReport } from "./vrrp-take-over.ts";
import { type BrokerState, findStartDeadlock, judgeWaiting } from "../start-deadlock.ts";
import { runOn } from "../../remote/ssh.ts";
import {
  brokerAgentName,
  brokerServiceName,
  brokerWatchName,
  haproxyServiceName,
  keepalivedServiceName,
  vrrpWatchName,
  vrrpWatchUnit,
} from "../../hosts/resource-names.ts";

export interface HostState {
  /** The host's IPv4 addresses. */
  readonly addresses: readonly string[];
  /** By unit name, without `.service`. */
  readonly units: ReadonlyMap<string, UnitState>;
  /** Of a broker: whether its start waits for other brokers. */
  readonly isWaiting: boolean;
  /** Whether it was started alone by a run that was cut off. */
  readonly isForced: boolean;
  /** Of a broker: the others that ran when it last ran; undefined where it has no data. */
  readonly lastRunningPeers: readonly string[] | undefined;
  /** Of a broker with Khepri that waits: how new its tables are. */
  readonly position: readonly [number, number] | undefined;
  /** What the program finds on the host; undefined if that of an earlier release is there. */
  readonly findings: HostFindings | undefined;
  /** Of a balancer: what its Keepalived says of itself; undefined where the answer is not whole. */
  readonly vrrp: VrrpReport | undefined;
}

export interface UnitState {
  /** systemd's ActiveState, such as `active`, `activating` or `failed`. */
  readonly active: string;
  /** systemd's UnitFileState, such as `enabled` or `disabled`; empty where the unit does not exist. */
  readonly enabled: string;
}

const brokerUnit = "rabbitmq-server";
/** Answers HAProxy's agent check. */
const agentSocket = "rabbitmq-ha-agent.socket";
const balancerUnit = "keepalived";

/** By service of a host: the name of the resource that starts it. */
export type ServiceResources = Readonly<Record<string, string>>;

/** @returns the command for the program that remote/program.ts installs on a host; it needs root */
export function buildProgramCommand({ user }: Pick<Login, "user">): string {
  return `${user === "root" ? "" : "sudo -n "}/usr/local/bin/rabbitmq-ha`;
}

/**
 * What only root can see is reported by the program on the host. That of an earlier release knows no `findings`. The
 * PATH of a user may lack sbin, where Rocky and CentOS have `ip`.
 */
export function buildHostQuery(services: ServiceResources, user: string): string {
  const units = Object.keys(services).join(" ");
  const program = buildProgramCommand({ user });
  return [
    `PATH=$PATH:/usr/sbin:/sbin; ip -o -4 addr show && systemctl show -p Id -p ActiveState -p UnitFileState ${units}`,
    `{ ${program} findings 2>/dev/null || true; }`,
    `{ ${program} ${services[brokerUnit] === undefined ? "vrrp" : "waiting"} || true; }`,
  ].join(" && ");
}

/** @param text the output of `ip -o -4 addr show`, then of `systemctl show`, which puts an empty line between units */
export function parseHostState(text: string): HostState {
  const addresses = [...text.matchAll(/^\d+: .*\binet ([\d.]+)/gm)].map(([, address]) => address ?? "");
  const units = new Map<string, UnitState>();
  for (const block of text.split(/\n\s*\n|(?=^Id=)/m)) {
    const values = new Map(
      [...block.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = "", value = ""]) => [key, value]),
    );
    const id = values.get("Id");
    if (id === undefined) continue;
    units.set(id.replace(/\.service$/, ""), {
      active: values.get("ActiveState") ?? "",
      enabled: values.get("UnitFileState") ?? "",
    });
  }
  const beside = /^Beside=(.*)$/m
    .exec(text)?.[1]
    ?.split(" ")
    .filter((name) => name !== "");
  const position = /^Position=(\d+) (\d+)$/m.exec(text);
  return {
    addresses,
    units,
    position: position === null ? undefined : [Number(position[1]), Number(position[2])],
    isWaiting: /^Waits=yes$/m.test(text),
    isForced: /^Forced=yes$/m.test(text),
    lastRunningPeers: beside,
    findings: parseHostFindings(text),
    vrrp: parseVrrpReport(text),
  };
}

/** @param waiting the verdict for a broker that does not run because it waits for another one */
export function judgeServices({ units }: HostState, services: ServiceResources, waiting?: Verdict): Verdict {
  const problems: Verdict[] = [];
  for (const [unit, resource] of Object.entries(services)) {
    const { active = "unknown", enabled = "" } = units.get(unit) ?? {};
    if (unit === brokerUnit && active !== "active" && waiting !== undefined) problems.push(waiting);
    else if (active !== "active") problems.push(fail(`${unit} is ${active}, expected active`, resource));
    if (enabled !== "enabled") {
      const atBoot = enabled === "" ? "has no unit file" : `is ${enabled} at boot`;
      problems.push(fail(`${unit} ${atBoot}, expected enabled`, resource));
    }
  }
  return combineVerdicts(problems, `${Object.keys(services).join(", ")} active and enabled`);
}

/**
 * @param holders the hosts that have the virtual address
 * @param unanswered the hosts that could not be asked, each with the reason
 * @param balancers the hosts that may hold the address
 */
export function judgeHolders(
  holders: readonly string[],
  unanswered: readonly { readonly name: string; readonly cause: string }[],
  balancers: System["balancers"],
): Verdict {
  const problems: Verdict[] = [];
  const services = keepalivedServiceNames({ balancers });
  if (holders.length > 1)
    problems.push(fail(`${holders.join(" and ")} hold it, expected one of them`, ...services));
  if (holders.length === 0)
    problems.push(fail("no host holds it, expected one of the balancers", ...services));
  for (const name of holders) {
    if (!balancers.some((balancer) => balancer.name === name))
      problems.push(
        needsOperator(
          `${name} holds it and is not a balancer`,
          `remove it on ${name} with "ip addr del", or stop what adds it`,
        ),
      );
  }
  // A host that does not answer may hold the address too.
  for (const { name, cause } of unanswered) {
    if (holders.length < 2) problems.push(hostUnreachable(name, `${name} cannot be asked: ${cause}`));
  }
  const judged = combineVerdicts(problems, `held by ${holders.join(", ")} alone`);
  return judged.ok || holders.length !== 1
    ? judged
    : { ...judged, detail: `held by ${holders.join()}; ${judged.detail}` };
}

/** @returns by host: the services that have to run there */
export function servicesByHost({
  brokers,
  balancers,
  expected,
}: Pick<System, "brokers" | "balancers" | "expected">): ReadonlyMap<string, ServiceResources> {
  const ofBroker = (name: string): ServiceResources => ({
    ...brokerServiceResources(name),
    ...(expected?.agentCheck === true ? { [agentSocket]: brokerAgentName(name) } : {}),
  });
  return new Map<string, ServiceResources>([
    ...brokers.map(({ name }) => [name, ofBroker(name)] as const),
    ...balancers.map(({ name }) => [name, balancerServiceResources(name)] as const),
  ]);
}

export async function examineHosts(system: System): Promise<Finding[]> {
  const { virtualAddress, balancers, brokers } = system;
  const states = [...servicesByHost(system)].map(([name, services]) => ({
    name,
    services,
    state: queryHost(system, name, services),
  }));
  const deadlock = collectBrokerStates(states).then((known) =>
    findStartDeadlock(
      brokers.map(({ name }) => name),
      known,
    ),
  );
  const holder = runCheck("holder", "virtual address", keepalivedServiceNames(system), async () => {
    const holders: string[] = [];
    const unanswered: { name: string; cause: string }[] = [];
    for (const { name, state } of states) {
      const answer = await state.catch((error: unknown) => reasonOf(error));
      if (typeof answer === "string") unanswered.push({ name, cause: answer });
      else if (answer.addresses.includes(virtualAddress)) holders.push(name);
    }
    // A broker does not normally hold the address, so one that does not answer is no reason to fail this check.
    const possibleHolders = unanswered.filter(({ name }) =>
      balancers.some((balancer) => balancer.name === name),
    );
    return judgeHolders(holders, possibleHolders, balancers);
  });
  return Promise.all([
    holder,
    ...states.map(({ name, services, state }) =>
      checkHost("services", name, async () =>
        judgeServices(await state, services, judgeWaiting(name, await deadlock)),
      ),
    ),
    ...states.flatMap(({ name, services, state }) => {
      const files = checkHost("files", name, async () => judgeFiles(name, (await state).findings));
      if (services[brokerUnit] === undefined) return [files];
      const watch = checkHost("watch", name, async () =>
        judgeWatch(name, (await state).findings ?? {}, system.expected),
      );
      const byTls = system.expected?.tls?.interNode;
      const interNode = checkHost("inter-node", name, async () =>
        judgeInterNode(name, (await state).findings, byTls === true),
      );
      return [files, watch, ...(system.expected?.tls === undefined ? [] : [interNode])];
    }),
    ...states
      .filter(({ services }) => services[balancerUnit] !== undefined)
      .map(({ name, state }) =>
        checkHost("take-over", name, async () => judgeTakeOver(name, (await state).vrrp)),
      ),
  ]);
}

/** A check of what a host reports. If it cannot be asked, nothing can be re-run there. */
function checkHost(check: string, name: string, judge: () => Promise<Verdict>): Promise<Finding> {
  return runCheck(check, name, (error) => Promise.resolve(hostUnreachable(name, reasonOf(error))), judge);
}

function balancerServiceResources(name: string): ServiceResources {
  return {
    haproxy: haproxyServiceName(name),
    [balancerUnit]: keepalivedServiceName(name),
    [vrrpWatchUnit]: vrrpWatchName(name),
  };
}

function brokerServiceResources(name: string): ServiceResources {
  return { [brokerUnit]: brokerServiceName(name), "rabbitmq-ha-watch": brokerWatchName(name) };
}

/** @returns the states of the brokers whose hosts answer */
async function collectBrokerStates(
  hosts: readonly { readonly name: string; readonly state: Promise<HostState> }[],
): Promise<Map<string, BrokerState>> {
  const answers = await Promise.all(
    hosts.map(async ({ name, state }) => {
      const answer = await state.catch(() => undefined);
      return answer?.units.has(brokerUnit) === true ? [[name, toBrokerState(answer)] as const] : [];
    }),
  );
  return new Map(answers.flat());
}

function toBrokerState({ units, isWaiting, isForced, lastRunningPeers, position }: HostState): BrokerState {
  const { active = "unknown" } = units.get(brokerUnit) ?? {};
  return { active, isWaiting: isWaiting && active !== "active", isForced, lastRunningPeers, position };
}

/** Asks the brokers' hosts only. @returns the states of the brokers whose hosts answer */
export function queryBrokerStates(system: System): Promise<Map<string, BrokerState>> {
  return collectBrokerStates(
    system.brokers.map(({ name }) => ({
      name,
      state: queryHost(system, name, brokerServiceResources(name)),
    })),
  );
}

/** @returns how to log in to a host @throws Error when the stack's outputs do not have it */
export function findLogin({ ssh }: Pick<System, "ssh">, name: string): Login {
  const login = ssh.find((each) => each.name === name);
  if (login === undefined) throw new Error(`the stack's outputs have no SSH login for ${name}`);
  return login;
}

/** @returns how to log in to each broker's host */
export function brokerLogins(system: System): Login[] {
  return system.brokers.map(({ name }) => findLogin(system, name));
}

async function queryHost(system: System, name: string, services: ServiceResources): Promise<HostState> {
  const login = findLogin(system, name);
  return parseHostState(await runOn(login, { command: buildHostQuery(services, login.user) }));
}
