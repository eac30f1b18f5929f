/** Clients of MQTT, STOMP, their web variants and streams, plain or with TLS. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import mqtt from "mqtt";
import type { LabStack } from "../../testbed/stacks/lab-stack.ts";

const timeoutMs = 20_000;

/** The setting that switches the protocols of plug-ins on. */
export const protocolPlugins = `  rabbitmq-ha:rabbitmq:
    plugins:
      - rabbitmq_management
      - rabbitmq_prometheus
      - rabbitmq_mqtt
      - rabbitmq_stomp
      - rabbitmq_web_mqtt
      - rabbitmq_web_stomp
      - rabbitmq_stream`;

type Ports = Readonly<Record<"mqtt" | "webMqtt" | "stomp" | "webStomp" | "stream", number>>;

/** The ports of the protocols without TLS. */
export const plainPorts: Ports = { mqtt: 1883, webMqtt: 15675, stomp: 61613, webStomp: 15674, stream: 5552 };
const tlsPorts: Ports = { mqtt: 8883, webMqtt: 15676, stomp: 61614, webStomp: 15673, stream: 5551 };

/** Whom a client connects to, and as whom. */
interface Service {
  readonly host: string;
  /** The password of the user `admin`. */
  readonly password: string;
  /** The authority that a client with TLS trusts, PEM. @default without TLS */
  readonly ca?: string;
}

async function connect({ host, ca }: Service, port: number): Promise<Socket> {
  const socket = ca === undefined ? connectTcp({ host, port }) : connectTls({ host, port, ca });
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error("no answer")));
  await once(socket, ca === undefined ? "connect" : "secureConnect");
  return socket;
}

/** Publishes a message and receives it on another connection. @returns what was received */
async function mqttMessage({ password, ca }: Service, url: string, text: string): Promise<string> {
  const login = { username: "admin", password, ...(ca === undefined ? {} : { ca }) };
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
async function stompMessage(service: Service, port: number, text: string): Promise<string> {
  const socket = await connect(service, port);
  try {
    const login = `login:admin\npasscode:${service.password}`;
    socket.write(`CONNECT\naccept-version:1.2\nhost:/\n${login}\n\n\0`);
    await read(socket, /^CONNECTED/);
    socket.write("SUBSCRIBE\nid:0\ndestination:/queue/ports\nauto-delete:true\n\n\0");
    socket.write(`SEND\ndestination:/queue/ports\n\n${text}\0`);
    return await read(socket, /MESSAGE[^\0]*\0/);
  } finally {
    socket.destroy();
  }
}

/** @returns the answer to an upgrade to WebSocket */
async function webSocketAnswer(service: Service, port: number, protocol: string): Promise<string> {
  const socket = await connect(service, port);
  try {
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: ${service.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    );
    return await read(socket, /\r\n/);
  } finally {
    socket.destroy();
  }
}

const shortText = (text: string): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
};

/** A frame of the stream protocol: its length, key, version 1, and the rest. */
function frame(key: number, ...rest: readonly Buffer[]): Buffer {
  const body = Buffer.concat(rest);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(4 + body.length, 0);
  head.writeUInt16BE(key, 4);
  head.writeUInt16BE(1, 6);
  return Buffer.concat([head, body]);
}

const correlation = Buffer.from("00000001", "hex");

/** The frames that a broker sends, each without its length. */
async function* readFrames(socket: Socket): AsyncGenerator<Buffer, never> {
  let data = Buffer.alloc(0);
  for await (const more of socket.iterator({ destroyOnReturn: false })) {
    data = Buffer.concat([data, more as Buffer]);
    while (data.length >= 4 && data.length >= 4 + data.readUInt32BE(0)) {
      const end = 4 + data.readUInt32BE(0);
      yield data.subarray(4, end);
      data = data.subarray(end);
    }
  }
  throw new Error("the broker closed the connection");
}

/** @returns the body, behind key and version, of the next frame with this key */
async function nextFrame(frames: AsyncGenerator<Buffer, never>, key: number): Promise<Buffer> {
  for (;;) {
    const { value } = await frames.next();
    if (value.readUInt16BE(0) === key) return value.subarray(4);
  }
}

/** Opens a connection of the stream protocol. @returns what the broker advertises: its name and port */
async function openStream(service: Service, port: number): Promise<Readonly<Record<string, string>>> {
  const socket = await connect(service, port);
  const frames = readFrames(socket);
  try {
    socket.write(frame(0x11, correlation, Buffer.from("00000000", "hex")));
    await nextFrame(frames, 0x8011);
    socket.write(frame(0x12, correlation));
    await nextFrame(frames, 0x8012);
    const opaque = Buffer.from(`\0admin\0${service.password}`);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(opaque.length);
    socket.write(frame(0x13, correlation, shortText("PLAIN"), size, opaque));
    await nextFrame(frames, 0x8013);
    socket.write(frame(0x14, await nextFrame(frames, 0x14)));
    socket.write(frame(0x15, correlation, shortText("/")));
    return properties(await nextFrame(frames, 0x8015));
  } finally {
    socket.destroy();
  }
}

/** @returns the properties behind an answer's correlation id and code */
function properties(answer: Buffer): Readonly<Record<string, string>> {
  if (answer.readUInt16BE(4) !== 1)
    throw new Error(`the broker answers with code ${String(answer.readUInt16BE(4))}`);
  let at = 10;
  const text = (): string => {
    const start = at + 2;
    at = start + answer.readUInt16BE(at);
    return answer.toString("utf8", start, at);
  };
  return Object.fromEntries(
    Array.from({ length: answer.readUInt32BE(6) }, () => [text(), text()] as [string, string]),
  );
}

/**
 * Asserts that clients of all protocols of plug-ins work through a stack's virtual address.
 * @param ca the authority that the clients trust, PEM; undefined for clients without TLS
 */
export async function assertProtocolsWork(
  lab: Pick<LabStack, "virtualAddress" | "brokers" | "output">,
  ca?: string,
): Promise<void> {
  const host = lab.virtualAddress;
  const password = String(await lab.output("adminPassword"));
  const [service, ports, s, how]: [Service, Ports, string, string] =
    ca === undefined
      ? [{ host, password }, plainPorts, "", "plain"]
      : [{ host, password, ca }, tlsPorts, "s", "TLS"];
  for (const url of [`mqtt${s}://${host}:${ports.mqtt}`, `ws${s}://${host}:${ports.webMqtt}/ws`])
    assert.equal(await mqttMessage(service, url, `${how} by ${url}`), `${how} by ${url}`);
  assert.match(await stompMessage(service, ports.stomp, `${how} by STOMP`), new RegExp(`${how} by STOMP`));
  assert.match(await webSocketAnswer(service, ports.webStomp, "v12.stomp"), /^HTTP\/1\.1 101 /);
  const stream = await openStream(service, ports.stream);
  assert.equal(stream["advertised_port"], String(ports.stream));
  assert.ok(lab.brokers.includes(stream["advertised_host"] ?? ""), JSON.stringify(stream));
}
