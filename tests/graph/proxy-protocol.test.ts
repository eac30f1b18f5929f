/** The client's own address: which steps a stack gets for it, and in which order the brokers and their lines change. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { devConfig } from "../support/dev-stack.ts";
import { balancers, brokers, remoteCommand } from "../support/graph-facts.ts";
import { runProgram, type ProgramRun } from "../support/program.ts";

const stashValues = {
  "erlang-cookie": "COOKIE",
  "admin-password": "PASSWORD",
  "lab-id": "dev-0123456789",
  "stack-id": "0123456789abcdef",
};

async function run(proxyProtocol?: boolean, plugins?: readonly string[]): Promise<ProgramRun> {
  const config = devConfig();
  const haproxy = {
    ...(config["haproxy"] as object),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
  };
  const rabbitmq = { ...(config["rabbitmq"] as object), ...(plugins === undefined ? {} : { plugins }) };
  return runProgram({ config: { ...config, haproxy, rabbitmq }, stashValues });
}

const on = (when: string): string[] => balancers.map((name) => `proxy-protocol-${name}-${when}`);
const command = ({ graph }: ProgramRun, name: string): string => String(graph.get(name).inputs["create"]);

let without: ProgramRun;
let plain: ProgramRun;
let header: ProgramRun;
before(async () => {
  [without, plain, header] = [await run(), await run(false), await run(true)];
});

test("a stack without the key has none of its steps, and one with false the same files", () => {
  assert.deepEqual(
    without.graph.nodes.filter(({ name }) => name.includes("proxy-protocol")),
    [],
  );
  for (const name of balancers.map((each) => `haproxy-${each}-config`))
    assert.equal(plain.graph.get(name).inputs["stdin"], without.graph.get(name).inputs["stdin"]);
  const files = ["config", "tick-time", "limits", "restart"];
  for (const name of brokers.flatMap((broker) => files.map((file) => `${broker}-${file}`)))
    assert.deepEqual(header.graph.get(name).inputs["stdin"], without.graph.get(name).inputs["stdin"]);
});

test("each broker is held by all balancers, changes, and is given its new line with the next one held", () => {
  const order = brokers.flatMap((broker) => [on(`before-${broker}`), [`${broker}-proxy-protocol`]]);
  const all = [brokers.map((broker) => `${broker}-restart`), ...order, on("end")];
  for (const [index, later] of all.slice(1).entries()) header.graph.assertPrecedes(all[index] ?? [], later);
  const files = balancers.map((name) => `haproxy-${name}-config`);
  header.graph.assertPrecedes(on("end"), files);
  const [balancer = ""] = on("x");
  const words = ["x", ...brokers].map((_, index) => {
    const when = brokers[index] === undefined ? "end" : `before-${brokers[index]}`;
    return command(header, balancer.replace(/x$/, when)).replace(/ # .*/, "");
  });
  assert.deepEqual(words, [
    "rabbitmq-ha proxy-lines --proxies rabbitmq_cluster --header --hold cent120 --binary /usr/sbin/haproxy",
    "rabbitmq-ha proxy-lines --proxies rabbitmq_cluster --header --settle cent120 --hold cent121 --binary /usr/sbin/haproxy",
    "rabbitmq-ha proxy-lines --proxies rabbitmq_cluster --header --settle cent121 --hold cent122 --binary /usr/sbin/haproxy",
    "rabbitmq-ha proxy-lines --proxies rabbitmq_cluster --header --settle cent122 --binary /usr/sbin/haproxy",
  ]);
  assert.match(command(header, "cent120-proxy-protocol"), /^rabbitmq-ha proxy-protocol --header # /);
  assert.match(command(plain, "cent120-proxy-protocol"), /^rabbitmq-ha proxy-protocol # /);
});

test("a new broker knows before its first start whether to expect the header", () => {
  for (const broker of brokers)
    header.graph.assertPrecedes([`${broker}-proxy-protocol-first`], [`${broker}-service`]);
});

test("another machine removes nothing from a broker that has yet to leave", () => {
  for (const broker of brokers)
    assert.deepEqual(header.graph.get(`${broker}-proxy-protocol-removal`).ignoreChanges, ["triggers"]);
});

test("each later step reads what the earlier one printed, so that it is done again with it", () => {
  const steps = [...brokers.map((broker) => `${broker}-proxy-protocol`), ...on("end")];
  for (const name of steps) {
    const [earlier = []] = [header.graph.get(name).propertyDependencies["stdin"]];
    assert.ok(earlier.length > 0, `${name} reads nothing`);
  }
});

test("HAProxy sends the header for the protocols whose brokers read it, and checks without it", async () => {
  const { graph } = await run(true, [
    "rabbitmq_management",
    "rabbitmq_prometheus",
    "rabbitmq_mqtt",
    "rabbitmq_stream",
  ]);
  const cfg = String(graph.get("haproxy-cent123-config").inputs["stdin"]);
  const lineOf = (proxy: string): string | undefined =>
    new RegExp(`listen ${proxy}\n(?:.*\n)*? +(server cent120 .*)`).exec(cfg)?.[1];
  assert.match(lineOf("rabbitmq_cluster") ?? "", /^server cent120 \S+:5672 send-proxy-v2 port 5672 check /);
  assert.match(lineOf("rabbitmq_mqtt") ?? "", /^server cent120 \S+:1883 send-proxy-v2 track /);
  assert.match(lineOf("rabbitmq_management") ?? "", /^server cent120 \S+:15672 check /);
  assert.match(lineOf("rabbitmq_stream") ?? "", /^server cent120 \S+:5552 track /);
  assert.match(
    command({ graph, outputs: {} }, "proxy-protocol-cent123-end"),
    /--proxies rabbitmq_cluster,rabbitmq_mqtt /,
  );
  assert.ok(graph.ofType(remoteCommand).length > 0);
});

test("verify is told that the brokers see their clients' own addresses", () => {
  const told = ({ outputs }: ProgramRun): unknown =>
    (outputs["expected"] as Readonly<Record<string, unknown>>)["proxyProtocol"];
  assert.deepEqual([without, plain, header].map(told), [undefined, undefined, true]);
});
