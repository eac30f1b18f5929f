/** What must be true of the dev stack's graph, as reported by the mocked engine or by the real engine's preview. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { OwnLogin } from "../../remote/own-login.ts";
import type { Graph } from "./graph.ts";
import { secretText, unwrapSecrets } from "./program.ts";

export const brokers = ["cent120", "cent121", "cent122"];
export const balancers = ["cent123", "cent124"];
export const hosts = [...brokers, ...balancers];

export const remoteCommand = "command:remote:Command";
const localCommand = "command:local:Command";
const stash = "pulumi:index:Stash";

/** @returns the host that a remote command concerns, by the command's name */
export function concernedHost(command: string): string {
  const named = hosts.find((host) => command.split("-").includes(host));
  // Commands that concern the whole cluster run on the first broker.
  return named ?? "cent120";
}

/** @returns the host that a remote command runs on: another broker's removes a broker from the cluster, the first judges balancers */
export function hostOf(command: string): string {
  const about = concernedHost(command);
  if (command.endsWith("-may-go")) return "cent120";
  if (!command.endsWith("-leave")) return about;
  return brokers.find((broker) => broker !== about) ?? about;
}

const namesFor = (names: readonly string[], ...parts: string[]): string[] =>
  names.flatMap((name) => parts.map((part) => `${name}-${part}`));

/** The steps that judge whether a balancer may go. */
const mayGo = namesFor(namesFor(["virtual-address"], ...balancers), "may-go");

/** Checks that every step depends directly on its host being ready, by which `up --repair` leaves out hosts that are not reached. */
export function checkReadiness(graph: Graph): void {
  for (const { name } of graph.ofType(remoteCommand)) {
    if (name.endsWith("-ready")) continue;
    for (const first of namesFor([hostOf(name)], "ready", "program"))
      assert.ok(graph.get(name).dependencies.includes(first), `${name} does not depend directly on ${first}`);
  }
}

/** Checks that the program is sent to each host by the log-in that its steps have, as a secret, and again to another machine. */
export function checkInstallations(graph: Graph): void {
  for (const host of hosts) {
    const { inputs } = graph.get(`${host}-program`);
    const ready = graph.get(`${host}-ready`).inputs;
    const { name, login } = JSON.parse(secretText(inputs["stdin"]) ?? "") as OwnLogin;
    // How long the command provider tries is for it alone.
    const connection = JSON.stringify(unwrapSecrets(ready["connection"]), (key, value: unknown) =>
      ["dialErrorLimit", "perDialTimeout"].includes(key) ? undefined : value,
    );
    assert.deepEqual([name, login], [host, JSON.parse(connection)]);
    assert.deepEqual(inputs["triggers"], ready["triggers"]);
  }
}

/**
 * The names of all resources, by parent and type. A name is the resource's identity in the state of every existing stack,
 * so a changed name needs an alias in the program.
 */
const resources: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "": {
    "rabbitmq-ha:index:Lab": ["lab"],
    "rabbitmq-ha:index:RabbitNode": brokers,
    "rabbitmq-ha:index:RabbitCluster": ["cluster"],
    "rabbitmq-ha:index:MirrorPolicy": ["mirror-policy"],
    "rabbitmq-ha:index:HaproxyPair": ["haproxy"],
    "rabbitmq-ha:index:KeepalivedVip": ["virtual-address"],
    [stash]: ["erlang-cookie", "admin-password"],
  },
  lab: {
    [stash]: ["lab-id", "lab-ssh-key", ...namesFor(hosts, "ssh-host-key")],
    [localCommand]: ["lab-route", "lab-network", "lab-image", ...namesFor(hosts, "machine", "program")],
    [remoteCommand]: namesFor(hosts, "ready"),
  },
  ...Object.fromEntries(
    brokers.map((broker) => [
      broker,
      {
        [remoteCommand]: [
          ...namesFor(
            [broker],
            "names",
            "packages",
            "cookie",
            "config",
            "tick-time",
            "limits",
            "secret-settings",
            "plugins",
          ),
          ...namesFor([broker], "watch-script", "watch-unit", "watch-service"),
          ...namesFor([broker], "service", "member", "restart", "leave"),
        ],
      },
    ]),
  ),
  cluster: { [remoteCommand]: ["cluster-name", "cluster-admin", "cluster-members"] },
  "mirror-policy": { [remoteCommand]: ["mirror-policy-set", "mirror-policy-undo"] },
  haproxy: {
    [remoteCommand]: namesFor(
      namesFor(["haproxy"], ...balancers),
      "names",
      "packages",
      "config",
      "stats",
      "unit",
      "service",
      "serving",
    ),
  },
  "virtual-address": {
    [remoteCommand]: namesFor(
      namesFor(["virtual-address"], ...balancers),
      ...[
        "packages",
        "check",
        "revive",
        "state",
        "config",
        "unit",
        "service",
        "watch-unit",
        "watch-service",
        "holder",
        "may-go",
      ],
    ),
  },
};

/**
 * @returns how many of these resources can be worked on at once: the largest set of which none waits for another, which
 * is their number less that of the largest matching of each with one that it waits for (Dilworth)
 */
export function mostAtOnce(graph: Graph, names: readonly string[]): number {
  const later = new Map<string, string>();
  const match = (name: string, seen: Set<string>): boolean =>
    [...graph.dependenciesOf(name)].some((earlier) => {
      if (!names.includes(earlier) || seen.has(earlier)) return false;
      seen.add(earlier);
      const taken = later.get(earlier);
      if (taken !== undefined && !match(taken, seen)) return false;
      later.set(earlier, name);
      return true;
    });
  return names.length - names.filter((name) => match(name, new Set())).length;
}

/** Registers one test for each fact. @param graph returns the graph when a test runs @param stack its name */
export function testGraphFacts(graph: () => Graph, stack: string): void {
  test("the stack has exactly the expected resources, with their names, types and parents", () => {
    const root = `rabbitmq-ha-${stack}`;
    const wanted = Object.entries(resources).flatMap(([parent, types]) =>
      Object.entries(types).flatMap(([type, names]) =>
        names.map((name) => `${parent === "" ? root : parent} > ${name}: ${type}`),
      ),
    );
    const found = graph().nodes.map(({ parent, name, type }) => `${parent} > ${name}: ${type}`);
    assert.deepEqual(found.sort(), wanted.sort());
  });

  test("the route that keeps packets on this computer comes before the lab network, and the network before any host", () => {
    graph().assertPrecedes(["lab-route"], ["lab-network"]);
    graph().assertPrecedes(["lab-network", "lab-image"], namesFor(hosts, "machine"));
  });

  test("every command on a host depends directly on the host being ready and having the program", () => {
    for (const host of hosts) graph().assertPrecedes([`${host}-machine`], [`${host}-ready`]);
    checkReadiness(graph());
  });

  test("host names are set before packages are installed, and a broker starts after its files are written", () => {
    for (const broker of brokers) {
      graph().assertPrecedes([`${broker}-names`], [`${broker}-packages`]);
      const files = namesFor(
        [broker],
        "packages",
        "cookie",
        "config",
        "tick-time",
        "limits",
        "secret-settings",
        "plugins",
        "watch-script",
      );
      graph().assertPrecedes(files, [`${broker}-service`]);
      graph().assertPrecedes([`${broker}-service`, `${broker}-watch-unit`], [`${broker}-watch-service`]);
    }
  });

  test("brokers start in parallel: none waits for another", () => {
    for (const [index, broker] of brokers.entries()) {
      const before = graph().dependenciesOf(`${broker}-service`);
      for (const other of brokers.toSpliced(index, 1)) assert.ok(!before.has(`${other}-names`));
    }
  });

  test("brokers join and restart one after the other: each waits for all earlier ones", () => {
    for (const [index, broker] of brokers.entries()) {
      graph().assertPrecedes([`${broker}-service`], [`${broker}-member`]);
      graph().assertPrecedes([`${broker}-member`], [`${broker}-restart`]);
      for (const earlier of brokers.slice(0, index)) {
        graph().assertPrecedes(
          namesFor([earlier], "member", "restart"),
          namesFor([broker], "member", "restart"),
        );
      }
    }
  });

  test("policy, cluster name and balancers wait for every member, the administrator for the first one", () => {
    const members = namesFor(brokers, "member", "restart");
    graph().assertPrecedes(members, ["mirror-policy-set", "cluster-name"]);
    graph().assertPrecedes(namesFor(brokers.slice(0, 1), "member", "restart"), ["cluster-admin"]);
    graph().assertPrecedes(members, namesFor(namesFor(["haproxy"], ...balancers), "serving"));
  });

  test("balancers are set up in parallel with brokers, and HAProxy starts after its checked files", () => {
    for (const balancer of namesFor(["haproxy"], ...balancers)) {
      const before = graph().dependenciesOf(`${balancer}-service`);
      assert.deepEqual(
        brokers.filter((broker) => before.has(`${broker}-names`)),
        [],
      );
      graph().assertPrecedes(namesFor([balancer], "packages", "config", "stats", "unit"), [
        `${balancer}-service`,
      ]);
      graph().assertPrecedes([`${balancer}-config`], [`${balancer}-stats`]);
    }
  });

  test("the steps that may restart HAProxy or Keepalived last come after the services of all balancers", () => {
    const pairs = namesFor(["haproxy"], ...balancers);
    graph().assertPrecedes(namesFor(pairs, "service"), namesFor(pairs, "serving"));
    const instances = namesFor(["virtual-address"], ...balancers);
    graph().assertPrecedes(namesFor(instances, "service"), namesFor(instances, "holder"));
  });

  test("the virtual address comes up last: after the policy, the administrator and HAProxy on every balancer", () => {
    const services = namesFor(namesFor(["virtual-address"], ...balancers), "service");
    const holders = namesFor(namesFor(["virtual-address"], ...balancers), "holder");
    const serving = namesFor(namesFor(["haproxy"], ...balancers), "serving");
    graph().assertPrecedes([...serving, "mirror-policy-set", "cluster-name", "cluster-admin"], services);
    graph().assertPrecedes(services, holders);
    const commands = graph().nodes.filter(({ type }) => type === remoteCommand || type === localCommand);
    // Nothing waits for what is only asked before a machine goes, nor for the removal of former members.
    const last = [...holders, "cluster-members", ...mayGo];
    const others = commands.map(({ name }) => name).filter((name) => !last.includes(name));
    for (const holder of holders) {
      const before = graph().dependenciesOf(holder);
      assert.deepEqual(
        others.filter((name) => !before.has(name)),
        [],
        `${holder} is not the last`,
      );
    }
  });

  test("the step that clears the policy is deleted after the one that sets it, so that a cut between them can be taken back", () => {
    graph().assertPrecedes(["mirror-policy-undo"], ["mirror-policy-set"]);
  });

  test("a broker leaves from another broker, before its machine goes and after the resources that would join it again", () => {
    for (const broker of brokers) {
      graph().assertPrecedes([`${broker}-machine`], [`${broker}-leave`]);
      graph().assertPrecedes([`${broker}-leave`], namesFor([broker], "service", "member", "restart"));
      assert.notEqual(hostOf(`${broker}-leave`), broker);
    }
  });

  test("a broker judges whether a balancer may go before all else of it goes, and balancers' machines change in turn", () => {
    for (const balancer of balancers) {
      const [step] = namesFor(namesFor(["virtual-address"], balancer), "may-go");
      const before = graph().dependenciesOf(step ?? "");
      const own = graph().nodes.filter(
        ({ name, type }) => type === remoteCommand && concernedHost(name) === balancer,
      );
      assert.deepEqual(
        own
          .map(({ name }) => name)
          .filter((name) => !before.has(name))
          .sort(),
        namesFor(namesFor(["virtual-address"], balancer), "holder", "may-go").sort(),
      );
    }
    const [first = "", second = ""] = namesFor(balancers, "machine");
    graph().assertPrecedes([first], [second]);
  });

  test("former members are removed after the brokers are members and the balancers have read the new list", () => {
    const serving = namesFor(namesFor(["haproxy"], ...balancers), "serving");
    graph().assertPrecedes([...namesFor(brokers, "restart"), ...serving], ["cluster-members"]);
  });

  test("only what is asked before a machine goes and the policy's undo have a delete command: replacing any other undoes nothing", () => {
    const undone = graph()
      .ofType(remoteCommand)
      .filter(({ inputs }) => inputs["delete"] !== undefined);
    assert.deepEqual(
      undone.map(({ name }) => name).sort(),
      [...namesFor(brokers, "leave"), ...mayGo, "mirror-policy-undo"].sort(),
    );
  });

  test("the watch over Keepalived starts after it, and the steps that wait for the holder come after both", () => {
    for (const instance of namesFor(["virtual-address"], ...balancers)) {
      graph().assertPrecedes(namesFor([instance], "service", "watch-unit"), [`${instance}-watch-service`]);
      graph().assertPrecedes([`${instance}-state`], [`${instance}-service`]);
    }
    const instances = namesFor(["virtual-address"], ...balancers);
    graph().assertPrecedes(namesFor(instances, "watch-service"), namesFor(instances, "holder"));
  });

  test("Keepalived is installed and configured without waiting for the policy", () => {
    for (const instance of namesFor(["virtual-address"], ...balancers)) {
      const before = graph().dependenciesOf(`${instance}-config`);
      assert.ok(before.has(`${instance}-packages`) && !before.has("mirror-policy-set"));
    }
  });

  test("every command on a host is marked as deleted with the host's machine, and nothing else is", () => {
    const programs = namesFor(hosts, "program");
    for (const { name, type, deletedWith } of graph().nodes) {
      const isOnHost = type === remoteCommand || programs.includes(name);
      assert.equal(deletedWith, isOnHost ? `${hostOf(name)}-machine` : undefined, name);
    }
  });
}
