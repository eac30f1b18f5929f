/** What TLS adds to a stack, and what a new quarter, another name or another authority changes in it. */
import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { before, mock, test } from "node:test";
import { distributionTerms } from "../../hosts/distribution.ts";
import { certificatesIn, makeAuthority } from "../../certificates/issue.ts";
import { devConfig, type ConfigBlocks } from "../support/dev-stack.ts";
import { balancers, brokers, remoteCommand } from "../support/graph-facts.ts";
import { runProgram, secretText, unwrapSecrets, type ProgramRun } from "../support/program.ts";

const kept = {
  "erlang-cookie": "COOKIE",
  "admin-password": "PASSWORD",
  "lab-id": "dev-0123456789",
  "stack-id": "0123456789abcdef",
};
const november = new Date("2026-11-27T12:00:00Z");
const january = new Date("2027-01-02T12:00:00Z");

/** @returns the run on a day; what the state has by then is kept, as the engine keeps it */
async function runOn(
  now: Date,
  tls: ConfigBlocks | undefined,
  stashValues: Readonly<Record<string, string>> = kept,
  more: { readonly config?: ConfigBlocks; readonly secrets?: readonly string[] } = {},
): Promise<ProgramRun> {
  mock.timers.enable({ apis: ["Date"], now });
  try {
    const config = { ...devConfig(), ...(tls === undefined ? {} : { tls }), ...more.config };
    return await runProgram({ config, stashValues, secrets: more.secrets ?? [] });
  } finally {
    mock.timers.reset();
  }
}

/** @returns the stashes of a run, as the state keeps them */
function stateOf({ graph }: ProgramRun): Record<string, string> {
  const stashes = graph.ofType("pulumi:index:Stash");
  return Object.fromEntries(stashes.map(({ name, inputs }) => [name, secretText(inputs["input"]) ?? ""]));
}

/** The mocked engine takes no stored value for a secret. */
const textOf = ({ graph }: ProgramRun, step: string): string =>
  String(unwrapSecrets(graph.get(step).inputs["stdin"]));

const names = ({ graph }: ProgramRun): string[] => graph.nodes.map(({ name }) => name);

/** @returns the certificates that a broker's host gets */
function certificatesOf(run: ProgramRun, broker: string): X509Certificate[] {
  return certificatesIn(textOf(run, `${broker}-certificates`)).map((each) => new X509Certificate(each));
}

/** @returns the commands that differ between two runs, with the input that differs */
function differences(old: ProgramRun, now: ProgramRun): string[] {
  return now.graph
    .ofType(remoteCommand)
    .flatMap(({ name, inputs }) => {
      const before = old.graph.nodes.find((node) => node.name === name)?.inputs;
      if (before === undefined) return [`${name} new`];
      return Object.keys(inputs)
        .filter((key) => key !== "connection")
        .filter(
          (key) => JSON.stringify(unwrapSecrets(inputs[key])) !== JSON.stringify(unwrapSecrets(before[key])),
        )
        .map((key) => `${name} ${key}`);
    })
    .sort();
}

const each = (hosts: readonly string[], ...parts: string[]): string[] =>
  hosts.flatMap((host) => parts.map((part) => part.replace("*", host))).sort();

let without: ProgramRun;
let first: ProgramRun;
let state: Record<string, string>;
before(async () => {
  without = await runOn(november, undefined);
  first = await runOn(november, {}, { ...stateOf(without), ...kept });
  state = { ...stateOf(without), ...stateOf(first), ...kept };
});

test("TLS adds an authority, and a certificate and a step for each broker", () => {
  const added = names(first).filter((name) => !names(without).includes(name));
  const withoutDigest = added.map((name) => name.replace(/-[0-9a-f]{8}$/, ""));
  assert.deepEqual(
    withoutDigest.sort(),
    [
      ...each(brokers, "*-certificate-2026-q4", "*-certificates", "*-certificates-removal", "*-inter-node"),
      "tls-authority-1",
    ].sort(),
  );
  assert.deepEqual(
    differences(without, first).filter((each) => !each.endsWith(" new")),
    [
      ...each(brokers, "*-config stdin", "*-restart stdin"),
      ...each(balancers, "haproxy-*-config stdin", "haproxy-*-serving stdin"),
    ].sort(),
  );
});

test("the brokers have their certificates before they start, and HAProxy the ports once all serve", () => {
  for (const broker of brokers) {
    first.graph.assertPrecedes([`${broker}-certificates`], [`${broker}-restart`]);
    // Another machine removes none from a broker that has yet to leave, nor asks one that is gone.
    first.graph.assertPrecedes([`${broker}-certificates-removal`], [`${broker}-certificates`]);
    assert.deepEqual(first.graph.get(`${broker}-certificates-removal`).ignoreChanges, ["triggers"]);
  }
  const conf = String(first.graph.get("cent120-config").inputs["stdin"]);
  assert.match(conf, /^listeners\.tcp\.default = 5672$/m);
  assert.match(conf, /^listeners\.ssl\.default = 5671$/m);
  assert.match(conf, /^management\.ssl\.port = 15671$/m);
  const cfg = String(first.graph.get("haproxy-cent123-config").inputs["stdin"]);
  assert.match(cfg, /^listen rabbitmq_cluster_tls\n {4}bind \*:5671$/m);
  assert.match(cfg, /server cent120 192\.168\.56\.120:15671 check inter /);
});

test("each broker gets its own certificate with its key, and the authority", () => {
  const authority = new X509Certificate(String(first.outputs["caCertificate"]));
  brokers.forEach((broker, index) => {
    const [own, ca, ...others] = certificatesOf(first, broker);
    assert.deepEqual(others, []);
    assert.equal(ca?.fingerprint256, authority.fingerprint256);
    assert.ok(own);
    assert.ok(own.verify(authority.publicKey));
    for (const address of [`192.168.56.${120 + index}`, "192.168.56.100"])
      assert.equal(own.checkIP(address), address);
    assert.equal(own.checkHost(broker), broker);
    assert.ok(own.checkPrivateKey(createPrivateKey(textOf(first, `${broker}-certificates`))));
  });
});

test("the outputs tell how clients connect, until when, and from when up renews", () => {
  assert.equal(unwrapSecrets(first.outputs["amqpsUri"]), "amqps://admin:PASSWORD@192.168.56.100:5671");
  const { tls } = unwrapSecrets(first.outputs["expected"]) as { readonly tls: unknown };
  assert.deepEqual(tls, {
    ports: { amqp: 5671, management: 15671 },
    names: [],
    validUntil: "2027-11-27",
    renewedFrom: "2027-01-01",
  });
});

test("a second run changes nothing", async () => {
  const second = await runOn(new Date("2026-12-31T23:59:59Z"), {}, state);
  assert.deepEqual(differences(first, second), []);
  assert.deepEqual(names(second).sort(), names(first).sort());
});

test("a new quarter makes the certificates anew, and nothing else: no broker restarts", async () => {
  const renewed = await runOn(january, {}, state);
  assert.deepEqual(differences(first, renewed), each(brokers, "*-certificates stdin"));
  const added = names(renewed).filter((name) => !names(first).includes(name));
  assert.deepEqual(
    added.map((name) => name.replace(/-[0-9a-f]{8}$/, "")).sort(),
    each(brokers, "*-certificate-2027-q1"),
  );
  assert.equal(renewed.outputs["caCertificate"], first.outputs["caCertificate"]);
});

test("another renewal, or another name, makes them anew on the same day", async () => {
  for (const tls of [{ renewal: 2 }, { names: ["rabbit.example.org", "10.0.0.9"] }]) {
    const changed = await runOn(november, tls, state);
    assert.deepEqual(differences(first, changed), each(brokers, "*-certificates stdin"));
    const [own] = certificatesOf(changed, "cent121");
    if ("names" in tls) {
      assert.equal(own?.checkHost("rabbit.example.org"), "rabbit.example.org");
      assert.equal(own.checkIP("10.0.0.9"), "10.0.0.9");
    }
  }
});

test("an authority is changed in two steps: clients first get both, then the new one issues", async () => {
  const both = await runOn(november, { authorities: [1, 2] }, state);
  const known = { ...stateOf(both), ...state };
  const [old] = certificatesOf(both, "cent120");
  const bundle = String(both.outputs["caCertificate"]);
  assert.equal(certificatesIn(bundle).length, 2);
  assert.equal(old?.fingerprint256, certificatesOf(first, "cent120")[0]?.fingerprint256);
  const changed = await runOn(november, { authorities: [2, 1] }, known);
  const [own] = certificatesOf(changed, "cent120");
  const [issuer] = certificatesIn(String(changed.outputs["caCertificate"])).map(
    (each) => new X509Certificate(each),
  );
  assert.ok(issuer && own?.verify(issuer.publicKey));
  // Who trusts the bundle of the first step trusts the certificates of the second.
  assert.ok(bundle.includes(issuer.toString().trim()));
});

test("TLS between brokers is a step between the certificates and the start, with Erlang's own time for a handshake", async () => {
  const interNode = await runOn(november, { interNode: true }, state);
  assert.deepEqual(
    differences(first, interNode),
    [
      ...each(brokers, "*-inter-node create", "*-tick-time stdin", "*-restart stdin"),
      ...each(balancers, "haproxy-*-serving stdin"),
    ].sort(),
  );
  for (const broker of brokers) {
    assert.doesNotMatch(String(first.graph.get(`${broker}-inter-node`).inputs["create"]), /--tls/);
    assert.match(String(interNode.graph.get(`${broker}-inter-node`).inputs["create"]), / --tls( |$)/);
    const [former, wanted] = [first, interNode].map(({ graph }) =>
      String(graph.get(`${broker}-tick-time`).inputs["stdin"]),
    );
    assert.match(String(wanted), /\{net_setuptime, 7 \}.*_connect_options.*<<5000:32.*_listen_options/);
    assert.match(distributionTerms(60, true), /<<60000:32/);
    // As a full stop writes it (agent/inter_node.py), so that the `up` after it restarts no broker.
    assert.equal(wanted, former?.replace(distributionTerms(5, false), distributionTerms(5, true)));
    interNode.graph.assertPrecedes([`${broker}-certificates`], [`${broker}-inter-node`]);
    interNode.graph.assertPrecedes([`${broker}-inter-node`], [`${broker}-service`]);
  }
  const { tls } = unwrapSecrets(interNode.outputs["expected"]) as { readonly tls: { interNode?: boolean } };
  assert.equal(tls.interNode, true);
});

test("tls.only leaves no plain port", async () => {
  const only = await runOn(november, { only: true }, state);
  const conf = String(only.graph.get("cent120-config").inputs["stdin"]);
  assert.match(conf, /^listeners\.tcp = none$/m);
  assert.doesNotMatch(conf, /5672|15672/);
  assert.match(
    String(only.graph.get("cent120-config").inputs["create"]),
    / --check '\S+ check-tls-only \{\}'/,
  );
  const cfg = String(only.graph.get("haproxy-cent123-config").inputs["stdin"]);
  assert.doesNotMatch(cfg, /:5672|:15672|_tls/);
  // By this name the program on the host finds the proxy whose servers have to be up.
  assert.match(cfg, /^listen rabbitmq_cluster\n {4}bind \*:5671$/m);
  assert.match(String(only.graph.get("cent120-member").inputs["create"]), / --port 5671/);
  assert.equal(only.outputs["managementUrl"], "https://192.168.56.100:15671");
});

test("a plug-in's protocol has TLS on the brokers, behind the balancers, and among what verify looks at", async () => {
  const plugins = ["rabbitmq_management", "rabbitmq_prometheus", "rabbitmq_mqtt", "rabbitmq_web_stomp"];
  const config = { rabbitmq: { plugins } };
  const plain = await runOn(november, undefined, state, { config });
  const open = await runOn(november, {}, state, { config });
  assert.deepEqual(
    differences(plain, open).filter((each) => !each.endsWith(" new")),
    [
      ...each(brokers, "*-config stdin", "*-restart stdin"),
      ...each(balancers, "haproxy-*-config stdin", "haproxy-*-serving stdin"),
    ].sort(),
  );
  const conf = String(open.graph.get("cent120-config").inputs["stdin"]);
  assert.match(conf, /^mqtt\.listeners\.ssl\.default = 8883$/m);
  assert.match(conf, /^web_stomp\.ssl\.certfile = /m);
  assert.doesNotMatch(conf, /= none$/m);
  const cfg = String(open.graph.get("haproxy-cent123-config").inputs["stdin"]);
  assert.match(cfg, /^listen rabbitmq_mqtt\n {4}bind \*:1883$/m);
  assert.match(cfg, /^listen rabbitmq_mqtt_tls\n {4}bind \*:8883$/m);
  assert.match(cfg, /server cent120 192\.168\.56\.120:8883 track rabbitmq_cluster_tls\/cent120 /);
  const create = String(open.graph.get("cent120-certificates").inputs["create"]);
  assert.match(create, / --ports 5671,15671,8883,15673 #/);
  const { tls } = unwrapSecrets(open.outputs["expected"]) as { readonly tls: { readonly ports: unknown } };
  assert.deepEqual(tls.ports, { amqp: 5671, management: 15671, mqtt: 8883, webStomp: 15673 });
  const address = "192.168.56.100";
  assert.deepEqual(unwrapSecrets(open.outputs["endpoints"]), {
    mqtt: `${address}:1883`,
    webStomp: `${address}:15674`,
    mqttTls: `${address}:8883`,
    webStompTls: `${address}:15673`,
  });
  const only = await runOn(november, { only: true }, state, { config });
  const closed = String(only.graph.get("cent120-config").inputs["stdin"]);
  assert.match(closed, /^mqtt\.listeners\.tcp = none\nweb_stomp\.tcp\.listener = none$/m);
  assert.doesNotMatch(closed, /1883|15674/);
});

test("a given authority issues, and a given certificate is used as it is", async () => {
  const { certificate, key } = await makeAuthority("given", new Date("2026-01-01"));
  const config = { tlsCaKey: key };
  const issued = await runOn(november, { ca: certificate }, kept, { config, secrets: ["tlsCaKey"] });
  const [own] = certificatesOf(issued, "cent120");
  assert.ok(own?.verify(new X509Certificate(certificate).publicKey));
  assert.ok(!names(issued).some((name) => name.startsWith("tls-authority")));
  const used = await runOn(november, { certificate }, kept, { config: { tlsKey: key }, secrets: ["tlsKey"] });
  assert.ok(!names(used).some((name) => name.includes("-certificate-")));
  assert.equal(
    textOf(used, "cent122-certificates"),
    `${certificate}${key}--authorities--\n${certificate}--end--\n`,
  );
});

test("no key is in the clear, and keys are standard input alone", async () => {
  const { graph, outputs } = await runOn(november, {}, {});
  assert.ok(!JSON.stringify(veiled(outputs)).includes("PRIVATE KEY"));
  for (const { name, inputs } of graph.nodes) {
    for (const [field, value] of Object.entries(inputs)) {
      const text = JSON.stringify(
        field === "stdin" || field === "input" ? veiled(value) : unwrapSecrets(value),
      );
      const isKey = field !== "connection" && text.includes("PRIVATE KEY");
      assert.ok(!isKey, `${name} ${field}`);
    }
  }
});

function veiled(value: unknown): unknown {
  if (secretText(value) !== undefined) return "(secret)";
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, veiled(inner)]));
}
