/** The protocols of plug-ins, switched on in a running stack, with clients that use them through the virtual address. */
import assert from "node:assert/strict";
import { connect as connectTcp, type Socket } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import mqtt from "mqtt";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "po", net: 82 }));
const address = lab.virtualAddress;
const timeoutMs = 20_000;

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

/** Publishes a message and receives it on another connection. @returns what was received */
async function mqttMessage(url: string, text: string): Promise<string> {
  const login = { username: "admin", password: String(await lab.output("adminPassword")) };
  const open = () =>
    mqtt.connectAsync(url, { ...login, reconnectPeriod: 0, connectTimeout: timeoutMs }, false);
  const [receiver, sender] = await Promise.all([open(), open()]);
  try {
    const topic = `ports/${text.replaceAll(" ", "-")}`;
    await receiver.subscribeAsync(topic, { qos: 1 });
    const received = new Promise<string>((resolve, reject) => {
      receiver.once("message", (_topic, payload) => resolve(payload.toString()));
      setTimeout(() => reject(new Error(`no message from ${url}`)), timeoutMs).unref();
    });
    await sender.publishAsync(topic, text, { qos: 1 });
    return await received;
  } finally {
    await Promise.all([receiver.endAsync(), sender.endAsync()]);
  }
}

/** Reads from a socket until the text matches. */
async function read(socket: Socket, pattern: RegExp): Promise<string> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (pattern.test(text)) return text;
  }
  throw new Error(`the connection ended with ${JSON.stringify(text)}`);
}

/** Sends a message to a queue and receives it, in frames of STOMP 1.2. @returns the frames received */
async function stompMessage(text: string): Promise<string> {
  const socket = connectTcp({ host: address, port: 61613, timeout: timeoutMs });
  socket.on("timeout", () => socket.destroy(new Error("no answer")));
  try {
    const passcode = String(await lab.output("adminPassword"));
    socket.write(`CONNECT\naccept-version:1.2\nhost:/\nlogin:admin\npasscode:${passcode}\n\n\0`);
    await read(socket, /^CONNECTED/);
    socket.write("SUBSCRIBE\nid:0\ndestination:/queue/ports\nauto-delete:true\n\n\0");
    socket.write(`SEND\ndestination:/queue/ports\n\n${text}\0`);
    return await read(socket, /MESSAGE[^\0]*\0/);
  } finally {
    socket.destroy();
  }
}

/** @returns the answer to an upgrade to WebSocket */
async function webSocketAnswer(port: number, protocol: string): Promise<string> {
  const socket = connectTcp({ host: address, port, timeout: timeoutMs });
  try {
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: ${address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    );
    return await read(socket, /\r\n/);
  } finally {
    socket.destroy();
  }
}

/** Peer properties of the stream protocol (key 17, version 1), of which the answer has the response's key, 0x8011. */
async function streamAnswer(): Promise<Buffer> {
  const socket = connectTcp({ host: address, port: 5552, timeout: timeoutMs });
  try {
    socket.write(Buffer.from("0000000c001100010000000100000000", "hex"));
    const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(timeoutMs) })) as [Buffer];
    return answer;
  } finally {
    socket.destroy();
  }
}

test("plug-ins are switched on without a restart, and their clients work through the virtual address", async () => {
  await lab.ensureUp("");
  const before = await starts();
  await lab.ensureUp(plugins);
  assert.deepEqual(await starts(), before);
  assert.equal(await mqttMessage(`mqtt://${address}:1883`, "by MQTT"), "by MQTT");
  assert.equal(await mqttMessage(`ws://${address}:15675/ws`, "by WebSocket"), "by WebSocket");
  assert.match(await stompMessage("by STOMP"), /by STOMP/);
  assert.match(await webSocketAnswer(15674, "v12.stomp"), /^HTTP\/1\.1 101 /);
  assert.equal((await streamAnswer()).readUInt16BE(4), 0x8011);
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
