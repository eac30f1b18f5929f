/** What the hosts themselves say, by SSH: who holds the virtual address, and whether the services run. */
import { because } from "./cause.ts";
import { broken, type Finding, look, unmendable, unreachable, type Verdict, verdict } from "./finding.ts";
import type { Login, System } from "./outputs.ts";
import { addressServices } from "./resources.ts";
import { type BrokerState, standstillOf, waitVerdict } from "./standstill.ts";
import { runOn } from "../remote/ssh.ts";
import {
  brokerServiceName,
  brokerWatchName,
  haproxyServiceName,
  keepalivedServiceName,
} from "../hosts/resource-names.ts";

export interface HostState {
  /** Its IPv4 addresses. */
  readonly addresses: readonly string[];
  /** By unit, without `.service`. */
  readonly units: ReadonlyMap<string, UnitState>;
  /** Of a broker: whether it waits for others, and for whom. */
  readonly waits: boolean;
  readonly beside: readonly string[] | undefined;
}

export interface UnitState {
  /** systemd's word, such as `active`, `activating` or `failed`. */
  readonly active: string;
  /** systemd's word, such as `enabled`, `disabled` or nothing where there is no such unit. */
  readonly enabled: string;
}

const brokerUnit = "rabbitmq-server";

/** The services of a host, each with the resource that starts it. */
export type Services = Readonly<Record<string, string>>;

/** @returns how the program on a host is called, which is root's; remote/program.ts has put it there */
export function programOn({ user }: Pick<Login, "user">): string {
  return `${user === "root" ? "" : "sudo -n "}/usr/local/bin/rabbitmq-ha`;
}

/** A broker's host says whether the broker waits for others, as only root can see. */
function command(services: Services, user: string): string {
  const units = Object.keys(services).join(" ");
  const asked = `ip -o -4 addr show && systemctl show -p Id -p ActiveState -p UnitFileState ${units}`;
  if (services[brokerUnit] === undefined) return asked;
  return `${asked} && { ${programOn({ user })} waiting || true; }`;
}

/** @param text lines of `ip -o -4 addr show`, then of `systemctl show`, whose units come apart by an empty line */
export function parseHost(text: string): HostState {
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
  return { addresses, units, waits: /^Waits=yes$/m.test(text), beside };
}

/** @param waiting what to say of a broker that does not run because it waits for another one */
export function judgeServices({ units }: HostState, services: Services, waiting?: Verdict): Verdict {
  const complaints: Verdict[] = [];
  for (const [unit, resource] of Object.entries(services)) {
    const { active = "unknown", enabled = "" } = units.get(unit) ?? {};
    if (unit === brokerUnit && active !== "active" && waiting !== undefined) complaints.push(waiting);
    else if (active !== "active") complaints.push(broken(`${unit} is ${active}, expected active`, resource));
    if (enabled !== "enabled") {
      complaints.push(broken(`${unit} is ${enabled || "no unit"} at boot, expected enabled`, resource));
    }
  }
  return verdict(complaints, `${Object.keys(services).join(", ")} active and enabled`);
}

/**
 * @param holders the hosts that have the address
 * @param silent the hosts that could not be asked, each with the cause
 * @param balancers who may hold it
 */
export function judgeHolders(
  holders: readonly string[],
  silent: readonly { readonly name: string; readonly cause: string }[],
  balancers: System["balancers"],
): Verdict {
  const complaints: Verdict[] = [];
  const services = addressServices({ balancers });
  if (holders.length > 1)
    complaints.push(broken(`${holders.join(" and ")} hold it, expected one of them`, ...services));
  if (holders.length === 0)
    complaints.push(broken("no host holds it, expected one of the balancers", ...services));
  for (const name of holders) {
    if (!balancers.some((balancer) => balancer.name === name))
      complaints.push(
        unmendable(
          `${name} is no balancer`,
          `take it from ${name} there, by "ip addr del", or stop what sets it`,
        ),
      );
  }
  // A host that keeps silent may hold it too.
  for (const { name, cause } of silent) {
    if (holders.length < 2) complaints.push(unreachable(name, `${name} cannot be asked: ${cause}`));
  }
  const judged = verdict(complaints, `held by ${holders.join(", ")} alone`);
  return judged.whole || holders.length !== 1
    ? judged
    : { ...judged, detail: `held by ${holders.join()}; ${judged.detail}` };
}

export async function examineHosts(system: System): Promise<Finding[]> {
  const { virtualAddress, balancers, brokers } = system;
  const wanted = new Map<string, Services>([
    ...brokers.map(({ name }) => [name, brokerServices(name)] as const),
    ...balancers.map(
      ({ name }) =>
        [name, { haproxy: haproxyServiceName(name), keepalived: keepalivedServiceName(name) }] as const,
    ),
  ]);
  const states = [...wanted].map(([name, services]) => ({
    name,
    services,
    state: ask(system, name, services),
  }));
  const standstill = statesOf(states).then((known) =>
    standstillOf(
      brokers.map(({ name }) => name),
      known,
    ),
  );
  const holder = look("holder", "virtual address", addressServices(system), async () => {
    const holders: string[] = [];
    const silent: { name: string; cause: string }[] = [];
    for (const { name, state } of states) {
      const answer = await state.catch((error: unknown) => because(error));
      if (typeof answer === "string") silent.push({ name, cause: answer });
      else if (answer.addresses.includes(virtualAddress)) holders.push(name);
    }
    // A broker never holds it as a matter of course, so a silent one says nothing about the address.
    const suspects = silent.filter(({ name }) => balancers.some((balancer) => balancer.name === name));
    return judgeHolders(holders, suspects, balancers);
  });
  return Promise.all([
    holder,
    ...states.map(({ name, services, state }) =>
      look(
        ...(["services", name] as const),
        (error) => Promise.resolve(unreachable(name, because(error))),
        async () => judgeServices(await state, services, waitVerdict(name, await standstill)),
      ),
    ),
  ]);
}

function brokerServices(name: string): Services {
  return { [brokerUnit]: brokerServiceName(name), "rabbitmq-ha-watch": brokerWatchName(name) };
}

/** @returns what the brokers' hosts say; those that cannot be asked are left out */
async function statesOf(
  hosts: readonly { readonly name: string; readonly state: Promise<HostState> }[],
): Promise<Map<string, BrokerState>> {
  const answers = await Promise.all(
    hosts.map(async ({ name, state }) => {
      const answer = await state.catch(() => undefined);
      return answer?.units.has(brokerUnit) === true ? [[name, brokerState(answer)] as const] : [];
    }),
  );
  return new Map(answers.flat());
}

function brokerState({ units, waits, beside }: HostState): BrokerState {
  const { active = "unknown" } = units.get(brokerUnit) ?? {};
  return { active, waits: waits && active !== "active", beside };
}

/** Asks the brokers' hosts alone. @returns what they say; those that cannot be asked are left out */
export function askBrokers(system: System): Promise<Map<string, BrokerState>> {
  return statesOf(
    system.brokers.map(({ name }) => ({ name, state: ask(system, name, brokerServices(name)) })),
  );
}

/** @returns how to log in to a host @throws when the stack's outputs do not say it */
export function loginOf({ ssh }: System, name: string): Login {
  const login = ssh.find((each) => each.name === name);
  if (login === undefined) throw new Error(`the stack's outputs do not say how to log in to ${name}`);
  return login;
}

async function ask(system: System, name: string, services: Services): Promise<HostState> {
  const login = loginOf(system, name);
  return parseHost(await runOn(login, { command: command(services, login.user) }));
}
