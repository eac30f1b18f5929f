/** HAProxy's configuration with other brokers: to the letter what the stack renders with them. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  areServed,
  disableCommands,
  messageServers,
  readServerStates,
  withServers,
} from "../../../migration/haproxy.ts";
import { render } from "../../../templates/render.ts";

const old = [
  { name: "a1", address: "10.0.0.1" },
  { name: "a2", address: "10.0.0.2" },
  { name: "a3", address: "10.0.0.3" },
];
const fresh = [
  { name: "rabbit.1", address: "10.1.0.1" },
  { name: "a2", address: "10.1.0.2" },
  { name: "b3", address: "10.1.0.3" },
  { name: "b4", address: "10.1.0.4" },
  { name: "b5", address: "10.1.0.5" },
];

function rendered(brokers: typeof old, agentPort: number): string {
  const proxy = (name: string, port: number, isFirst: boolean, follows = "") => ({
    isFirst,
    proxy: name,
    port,
    carriesMessages: name === "rabbitmq_cluster",
    follows,
    balance: "roundrobin",
    agentPort,
  });
  return render("haproxy/haproxy.cfg", {
    brokers,
    frontends: [
      proxy("rabbitmq_cluster", 5672, true),
      proxy("rabbitmq_management", 15672, false),
      proxy("rabbitmq_mqtt", 1883, false, "rabbitmq_cluster"),
    ],
    maxConnections: { global: 5120, proxy: 2000 },
    checkInterval: "5s",
    rise: 2,
    fall: 2,
    timeouts: { connect: "2s", client: "3h", server: "3h" },
    chroot: "/var/lib/haproxy",
  });
}

/** The servers of a configuration's first proxy. */
function serversOf(cfg: string): typeof old {
  const [first = ""] = /(?:^ {4}server .*\n)+/m.exec(cfg) ?? [];
  return [...first.matchAll(/server (\S+) (\S+):\d+/g)].map(([, name = "", address = ""]) => ({
    name,
    address,
  }));
}

for (const agentPort of [0, 5673]) {
  test(`is what the template renders with the other brokers, and back (agent check ${agentPort})`, () => {
    const [one, other] = [rendered(old, agentPort), rendered(fresh, agentPort)];
    assert.equal(withServers(one, fresh), other);
    assert.equal(withServers(other, old), one);
    assert.equal(withServers(one, old), one);
    assert.deepEqual(serversOf(other), fresh);
  });
}

const page = [
  "# pxname,svname,qcur,scur,status",
  "rabbitmq_cluster,FRONTEND,,3,OPEN",
  "rabbitmq_cluster,a1,0,3,UP",
  "rabbitmq_cluster,BACKEND,0,3,UP",
  "rabbitmq_management,a1,0,1,UP",
  "rabbitmq_mqtt,a1,0,0,MAINT (via rabbitmq_cluster/a1)",
  "stats,FRONTEND,,1,OPEN",
  "",
  "",
].join("\n");

test("takes out the servers of the proxies that carry messages, and no others", () => {
  const servers = messageServers(readServerStates(page));
  assert.deepEqual(
    servers.map(({ proxy, server, status, sessions }) => [proxy, server, status, sessions]),
    [
      ["rabbitmq_cluster", "a1", "UP", 3],
      ["rabbitmq_mqtt", "a1", "MAINT (via rabbitmq_cluster/a1)", 0],
    ],
  );
  assert.equal(
    disableCommands(servers.slice(0, 1)),
    "disable server rabbitmq_cluster/a1; shutdown sessions server rabbitmq_cluster/a1",
  );
});

test("brokers are served once no others are, none was taken out, and one is up", () => {
  const wanted = new Set(["a1", "a2"]);
  const servers = (...rows: readonly (readonly [string, string])[]) =>
    rows.map(([server, status]) => ({ proxy: "rabbitmq_cluster", server, status, sessions: 0 }));
  assert.ok(areServed(servers(["a1", "UP"], ["a2", "DOWN"]), wanted));
  assert.ok(!areServed(servers(["a1", "DOWN"], ["a2", "DOWN"]), wanted));
  assert.ok(!areServed(servers(["a1", "UP"], ["a2", "MAINT"]), wanted));
  assert.ok(!areServed(servers(["a1", "UP"], ["b1", "UP"]), wanted));
  assert.ok(!areServed([], wanted));
});

test("an answer that is cut is none", () => {
  assert.throws(() => readServerStates(page.trimEnd()), /cut/);
  assert.throws(() => readServerStates("# pxname,svname\n\n"), /lack a column/);
});
