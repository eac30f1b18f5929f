/** What must hold of the dev stack's graph, whoever tells of it: the mocked engine or the real one's preview. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Graph } from "./graph.ts";

export const brokers = ["cent120", "cent121", "cent122"];
export const balancers = ["cent123", "cent124"];
export const hosts = [...brokers, ...balancers];

export const remoteCommand = "command:remote:Command";
const localCommand = "command:local:Command";
const stash = "pulumi:index:Stash";

/** @returns the host that a remote command is about, as its name says */
export function aboutHost(command: string): string {
  const named = hosts.find((host) => command.split("-").includes(host));
  // What concerns the whole cluster is done from the first broker.
  return named ?? "cent120";
}

/** @returns the host that a remote command runs on: a broker is taken out of the cluster from another one */
export function hostOf(command: string): string {
  const about = aboutHost(command);
  if (!command.endsWith("-leave")) return about;
  return brokers.find((broker) => broker !== about) ?? about;
}

const of = (names: readonly string[], ...nouns: string[]): string[] =>
  names.flatMap((name) => nouns.map((noun) => `${name}-${noun}`));

/**
 * Every resource: by parent, by type, the names. A name is the resource's identity in the state of every stack there
 * is; one that changes here needs an alias in the program.
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
    [stash]: ["lab-id", "lab-ssh-key", ...of(hosts, "ssh-host-key")],
    [localCommand]: ["lab-route", "lab-network", "lab-image", ...of(hosts, "machine")],
    [remoteCommand]: of(hosts, "ready"),
  },
  ...Object.fromEntries(
    brokers.map((broker) => [
      broker,
      {
        [remoteCommand]: [
          ...of([broker], "names", "packages", "cookie", "config", "tick-time", "limits", "plugins"),
          ...of([broker], "watch-script", "watch-unit", "watch-service"),
          ...of([broker], "service", "member", "restart", "leave"),
        ],
      },
    ]),
  ),
  cluster: { [remoteCommand]: ["cluster-name", "cluster-admin", "cluster-members"] },
  "mirror-policy": { [remoteCommand]: ["mirror-policy-set", "mirror-policy-undo"] },
  haproxy: {
    [remoteCommand]: of(
      of(["haproxy"], ...balancers),
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
    [remoteCommand]: of(
      of(["virtual-address"], ...balancers),
      ...["packages", "check", "revive", "config", "unit", "service", "holder"],
    ),
  },
};

/** Registers one test for each fact. @param graph the dev stack's, once the tests run @param stack its name */
export function graphFacts(graph: () => Graph, stack: string): void {
  test("there are exactly these resources, by these names, of these types, below these parents", () => {
    const root = `rabbitmq-ha-${stack}`;
    const wanted = Object.entries(resources).flatMap(([parent, types]) =>
      Object.entries(types).flatMap(([type, names]) =>
        names.map((name) => `${parent === "" ? root : parent} > ${name}: ${type}`),
      ),
    );
    const found = graph().nodes.map(({ parent, name, type }) => `${parent} > ${name}: ${type}`);
    assert.deepEqual(found.sort(), wanted.sort());
  });

  test("the guard against packets that leave the machine stands before the network, and that before any host", () => {
    graph().precedes(["lab-route"], ["lab-network"]);
    graph().precedes(["lab-network", "lab-image"], of(hosts, "machine"));
  });

  test("nothing is done on a host before it is ready", () => {
    for (const host of hosts) graph().precedes([`${host}-machine`], [`${host}-ready`]);
    for (const { name } of graph().ofType(remoteCommand)) {
      if (name.endsWith("-ready")) continue;
      assert.ok(
        graph()
          .get(name)
          .dependencies.includes(`${hostOf(name)}-ready`),
        `${name} does not wait itself`,
      );
    }
  });

  test("brokers find each other by name before anything of theirs is installed, and start with their files", () => {
    for (const broker of brokers) {
      graph().precedes([`${broker}-names`], [`${broker}-packages`]);
      const files = of(
        [broker],
        "packages",
        "cookie",
        "config",
        "tick-time",
        "limits",
        "plugins",
        "watch-script",
      );
      graph().precedes(files, [`${broker}-service`]);
      graph().precedes([`${broker}-service`, `${broker}-watch-unit`], [`${broker}-watch-service`]);
    }
  });

  test("brokers start side by side", () => {
    for (const [index, broker] of brokers.entries()) {
      const before = graph().before(`${broker}-service`);
      for (const other of brokers.toSpliced(index, 1)) assert.ok(!before.has(`${other}-names`));
    }
  });

  test("they join, and later restart, in turn: one is done before the next one begins", () => {
    for (const [index, broker] of brokers.entries()) {
      graph().precedes([`${broker}-service`], [`${broker}-member`]);
      graph().precedes([`${broker}-member`], [`${broker}-restart`]);
      for (const earlier of brokers.slice(0, index)) {
        graph().precedes(of([earlier], "member", "restart"), of([broker], "member", "restart"));
      }
    }
  });

  test("what concerns the whole cluster waits for every member", () => {
    const members = of(brokers, "member", "restart");
    graph().precedes(members, ["mirror-policy-set", "cluster-name"]);
    graph().precedes(of(brokers.slice(0, 1), "member", "restart"), ["cluster-admin"]);
    graph().precedes(members, of(of(["haproxy"], ...balancers), "serving"));
  });

  test("balancers are set up beside the brokers, and run with checked files only", () => {
    for (const balancer of of(["haproxy"], ...balancers)) {
      const before = graph().before(`${balancer}-service`);
      assert.deepEqual(
        brokers.filter((broker) => before.has(`${broker}-names`)),
        [],
      );
      graph().precedes(of([balancer], "packages", "config", "stats", "unit"), [`${balancer}-service`]);
      graph().precedes([`${balancer}-config`], [`${balancer}-stats`]);
    }
  });

  test("a balancer's restart may wait for the others, so what does it comes after the services of all", () => {
    const pairs = of(["haproxy"], ...balancers);
    graph().precedes(of(pairs, "service"), of(pairs, "serving"));
    const instances = of(["virtual-address"], ...balancers);
    graph().precedes(of(instances, "service"), of(instances, "holder"));
  });

  test("the virtual address comes up last: after policy, administrator and every serving balancer", () => {
    const services = of(of(["virtual-address"], ...balancers), "service");
    const holders = of(of(["virtual-address"], ...balancers), "holder");
    const serving = of(of(["haproxy"], ...balancers), "serving");
    graph().precedes([...serving, "mirror-policy-set", "cluster-name", "cluster-admin"], services);
    graph().precedes(services, holders);
    const commands = graph().nodes.filter(({ type }) => type === remoteCommand || type === localCommand);
    // What is there for its undo alone has nothing to be waited for.
    const last = [...holders, "mirror-policy-undo", "cluster-members", ...of(brokers, "leave")];
    const others = commands.map(({ name }) => name).filter((name) => !last.includes(name));
    for (const holder of holders) {
      const before = graph().before(holder);
      assert.deepEqual(
        others.filter((name) => !before.has(name)),
        [],
        `${holder} is not the last`,
      );
    }
  });

  test("a policy is cleared by a resource of its own, which comes after the one that sets it", () => {
    graph().precedes(["mirror-policy-set"], ["mirror-policy-undo"]);
  });

  test("a broker leaves before anything of it goes, and is told from another one", () => {
    for (const broker of brokers) {
      graph().precedes([`${broker}-machine`, `${broker}-restart`], [`${broker}-leave`]);
      assert.notEqual(hostOf(`${broker}-leave`), broker);
    }
  });

  test("who is no broker any more leaves once the others are members and the balancers know it no more", () => {
    const serving = of(of(["haproxy"], ...balancers), "serving");
    graph().precedes([...of(brokers, "restart"), ...serving], ["cluster-members"]);
  });

  test("a resource on a host has no undo, but for those that are nothing else: so each can be run again", () => {
    const undone = graph()
      .ofType(remoteCommand)
      .filter(({ inputs }) => inputs["delete"] !== undefined);
    assert.deepEqual(
      undone.map(({ name }) => name).sort(),
      [...of(brokers, "leave"), "mirror-policy-undo"].sort(),
    );
  });

  test("keepalived is installed and configured before, so that only its start waits", () => {
    for (const instance of of(["virtual-address"], ...balancers)) {
      const before = graph().before(`${instance}-config`);
      assert.ok(before.has(`${instance}-packages`) && !before.has("mirror-policy-set"));
    }
  });

  test("no command on a host stands in the way once its machine is gone", () => {
    for (const { name, deletedWith } of graph().ofType(remoteCommand)) {
      assert.equal(deletedWith, `${hostOf(name)}-machine`, name);
    }
    for (const { name, type, deletedWith } of graph().nodes) {
      if (type !== remoteCommand) assert.equal(deletedWith, undefined, name);
    }
  });
}
