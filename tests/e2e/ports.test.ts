/** The protocols of plug-ins, switched on in a running stack, with clients that use them through the virtual address. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import {
  mqttMessage,
  openStream,
  stompMessage,
  webSocketAnswer,
  type Service,
} from "../support/protocol-clients.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "po", net: 82 }));
const address = lab.virtualAddress;

const plugins = `  rabbitmq-ha:rabbitmq:
    plugins:
      - rabbitmq_management
      - rabbitmq_prometheus
      - rabbitmq_mqtt
      - rabbitmq_stomp
      - rabbitmq_web_mqtt
      - rabbitmq_web_stomp
      - rabbitmq_stream`;

/** What tells one run of each broker from the next. */
async function starts(): Promise<string[]> {
  const script = "systemctl show -p MainPID,ExecMainStartTimestampMonotonic rabbitmq-server";
  return Promise.all(lab.brokers.map((host) => lab.runOn(host, script)));
}

async function service(): Promise<Service> {
  return { host: address, password: String(await lab.output("adminPassword")) };
}

test("plug-ins are switched on without a restart where the nodes have no default type of queues, and their clients work through the virtual address", async () => {
  await lab.ensureUp("");
  const before = await starts();
  await lab.ensureUp(plugins);
  if (lab.release.version.startsWith("3.")) assert.deepEqual(await starts(), before);
  const plain = await service();
  assert.equal(await mqttMessage(plain, `mqtt://${address}:1883`, "by MQTT"), "by MQTT");
  assert.equal(await mqttMessage(plain, `ws://${address}:15675/ws`, "by WebSocket"), "by WebSocket");
  assert.match(await stompMessage(plain, 61613, "by STOMP"), /by STOMP/);
  assert.match(await webSocketAnswer(plain, 15674, "v12.stomp"), /^HTTP\/1\.1 101 /);
  assert.equal((await openStream(plain, 5552))["advertised_port"], "5552");
});

test("no check leaves a line in a broker's log", async () => {
  await lab.ensureUp(plugins);
  const size = (host: string): Promise<string> =>
    lab.runOn(host, "stat -c %s /var/log/rabbitmq/rabbit@$(hostname -s).log");
  // The clients of the test before may still be ending.
  await pause(3000);
  const sizes = await Promise.all(lab.brokers.map(size));
  await pause(15_000);
  const added = await Promise.all(
    lab.brokers.map((host, index) =>
      lab.runOn(host, `tail -c +${Number(sizes[index]) + 1} /var/log/rabbitmq/rabbit@$(hostname -s).log`),
    ),
  );
  assert.deepEqual(added, ["", "", ""]);
});

/** The clients of all protocols, with the authority's certificate. */
async function useTls(): Promise<void> {
  const secured = { ...(await service()), ca: String(await lab.output("caCertificate")) };
  assert.equal(await mqttMessage(secured, `mqtts://${address}:8883`, "by MQTTS"), "by MQTTS");
  assert.equal(await mqttMessage(secured, `wss://${address}:15676/ws`, "by WSS"), "by WSS");
  assert.match(await stompMessage(secured, 61614, "by STOMP with TLS"), /by STOMP with TLS/);
  assert.match(await webSocketAnswer(secured, 15673, "v12.stomp"), /^HTTP\/1\.1 101 /);
  const stream = await openStream(secured, 5551);
  assert.equal(stream["advertised_port"], "5551");
  assert.ok(lab.brokers.includes(stream["advertised_host"] ?? ""), JSON.stringify(stream));
}

test("with tls each of them is had with TLS too, and with tls.only in no other way", async () => {
  await lab.ensureUp(`${plugins}\n  rabbitmq-ha:tls: {}`);
  await useTls();
  const plain = await service();
  assert.equal(await mqttMessage(plain, `mqtt://${address}:1883`, "still plain"), "still plain");
  await lab.runOrThrow("verify");
  await lab.ensureUp(`${plugins}\n  rabbitmq-ha:tls: { only: true }`);
  await useTls();
  const listening = await Promise.all([...lab.hosts].map((host) => lab.runOn(host, "ss -tlnH")));
  for (const [index, text] of listening.entries())
    assert.doesNotMatch(text, /:(5672|15672|1883|61613|15675|15674|5552)\s/, lab.hosts[index]);
  await lab.runOrThrow("verify");
});
