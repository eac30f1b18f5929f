/** TLS: turned on in a running stack, its certificates renewed, and the plain ports closed, all under load. */
import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { request } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { setTimeout as pause } from "node:timers/promises";
import { connect as connectAmqp } from "amqplib";
import { execa } from "execa";
import { readSystem } from "../../testbed/chaos/suite.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { ensurePythonTools } from "../../toolchain/python.ts";
import { openBrowser, Tab } from "../support/browser.ts";
import { assertProtocolsWork, plainPorts, protocolPlugins } from "../support/protocol-clients.ts";
import { underLoad } from "../support/traffic.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "tl", net: 81 }));
const block = (keys: Readonly<Record<string, unknown>> = {}): string =>
  `${protocolPlugins}\n  rabbitmq-ha:tls: ${JSON.stringify({ names: ["rabbit.example.org"], ...keys })}`;
const ports = [5671, 15671];

interface Shown {
  readonly endpoint: string;
  readonly serial: string;
  readonly certificate: X509Certificate;
}

/** @returns the certificate that each endpoint shows to a client that trusts the authority */
async function shown(ca: string): Promise<Shown[]> {
  const hosts = [
    lab.virtualAddress,
    ...lab.brokers.map((_, index) => lab.virtualAddress.replace(/\d+$/, String(120 + index))),
  ];
  return Promise.all(
    hosts.flatMap((host) =>
      ports.map(async (port) => {
        const socket = connect({ host, port, ca });
        await once(socket, "secureConnect");
        const certificate = socket.getPeerX509Certificate();
        socket.destroy();
        assert.ok(certificate);
        return { endpoint: `${host}:${port}`, serial: certificate.serialNumber, certificate };
      }),
    ),
  );
}

async function fetchOverview(ca: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: lab.virtualAddress, port: 15671, path: "/", ca }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once("error", reject);
    asked.end();
  });
}

test("TLS is turned on in a running stack without a lost message, and clients use it", async () => {
  await lab.ensureUp(protocolPlugins);
  await lab.configure(block());
  await underLoad(await readSystem(lab), "tls-on", () => lab.runOrThrow("up"));
  const ca = String(await lab.output("caCertificate"));
  const uri = String(await lab.output("amqpsUri"));
  const connection = await connectAmqp(uri, { ca: [ca] });
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue("tls", { durable: true });
  channel.sendToQueue("tls", Buffer.from("by TLS"), { persistent: true });
  await channel.waitForConfirms();
  await connection.close();
  assert.equal(await fetchOverview(ca), 200);
  await assert.rejects(connectAmqp(uri), /self-signed|unable to|certificate/i);
  await lab.runOrThrow("up", "--expect-no-changes");
});

test("the protocols of plug-ins are had with TLS too", async () => {
  await lab.ensureUp(block());
  await assertProtocolsWork(lab, String(await lab.output("caCertificate")));
  await assertProtocolsWork(lab);
  await lab.runOrThrow("verify");
});

test("the files with keys are for root and the broker alone, and no key is in the state", async () => {
  await lab.ensureUp(block());
  for (const host of lab.brokers) {
    const found = await lab.runOn(host, "stat -c '%a %U %G' /etc/rabbitmq-ha/tls/broker.pem");
    assert.equal(found.trim(), "640 root rabbitmq");
  }
  assert.ok(!(await lab.pulumi("stack", "export")).includes("PRIVATE KEY"));
});

test("TLS 1.1 is refused", async () => {
  await lab.ensureUp(block());
  const ca = String(await lab.output("caCertificate"));
  for (const port of ports) {
    for (const [version, isTaken] of [
      ["TLSv1.1", false],
      ["TLSv1.2", true],
      ["TLSv1.3", true],
    ] as const) {
      const socket: TLSSocket = connect({
        ...{ host: lab.virtualAddress, port, ca, ciphers: "DEFAULT:@SECLEVEL=0" },
        ...{ minVersion: version, maxVersion: version },
      });
      const taken = await new Promise<boolean>((resolve) => {
        socket.once("secureConnect", () => resolve(true));
        socket.once("error", () => resolve(false));
      });
      socket.destroy();
      assert.equal(taken, isTaken, `${version} at ${port}`);
    }
  }
});

test("a browser that knows the brokers' keys logs in by HTTPS, and one that does not shows no page", async () => {
  await lab.ensureUp(block());
  const certificates = (await shown(String(await lab.output("caCertificate")))).map(
    ({ certificate }) => certificate,
  );
  const url = `https://${lab.virtualAddress}:15671`;
  const hosts = lab.virtualAddress.replace(/\d+$/, "*");
  const stranger = await openBrowser(hosts);
  try {
    await assert.rejects(Tab.open(stranger, url), /ERR_CERT_AUTHORITY_INVALID/);
  } finally {
    await stranger.close();
  }
  const browser = await openBrowser(hosts, certificates);
  try {
    const tab = await Tab.open(browser, url);
    await tab.type("input[name=username]", "admin");
    await tab.type("input[name=password]", String(await lab.output("adminPassword")));
    await tab.click("input[type=submit]");
    await tab.waitForText("#logout", /^User admin$/);
    await tab.waitForTexts('#main table.list tr:has(a[href^="#/nodes/"])', [
      ...lab.brokers.map((host) => new RegExp(`^rabbit@${host} `)),
    ]);
  } finally {
    await browser.close();
  }
});

test("renewed certificates are shown by every endpoint within 10 s, and no connection is closed", async () => {
  await lab.ensureUp(block());
  const ca = String(await lab.output("caCertificate"));
  const before = await shown(ca);
  const connection = await connectAmqp(String(await lab.output("amqpsUri")), { ca: [ca] });
  let isClosed = false;
  connection.on("close", () => (isClosed = true));
  connection.on("error", () => (isClosed = true));
  await lab.configure(block({ renewal: 2 }));
  const done = new AbortController();
  let failures = 0;
  let lastOldAt = performance.now();
  let firstNewAt: number | undefined;
  const watching = (async () => {
    while (!done.signal.aborted) {
      const now = await shown(ca).catch(() => undefined);
      if (now === undefined) failures += 1;
      const old = now?.filter(({ serial }) => before.some((each) => each.serial === serial)).length ?? 0;
      if (old > 0) lastOldAt = performance.now();
      if (now !== undefined && old < now.length) firstNewAt ??= performance.now();
      await pause(250);
    }
  })();
  const started = await lab.runOn(
    lab.brokers[0] ?? "",
    "systemctl show -p ActiveEnterTimestamp rabbitmq-server",
  );
  await lab.runOrThrow("up");
  done.abort();
  await watching;
  const after = await shown(ca);
  for (const { endpoint, serial } of after)
    assert.ok(!before.some((each) => each.serial === serial), `${endpoint} shows its old certificate`);
  assert.ok(lastOldAt - (firstNewAt ?? 0) < 10_000);
  assert.equal(failures, 0, "a handshake failed");
  assert.ok(!isClosed);
  assert.equal(
    await lab.runOn(lab.brokers[0] ?? "", "systemctl show -p ActiveEnterTimestamp rabbitmq-server"),
    started,
  );
  await connection.close();
});

test("Python's pika connects with the authority's certificate", async () => {
  await lab.ensureUp(block({ renewal: 2 }));
  const { bin } = await ensurePythonTools("clients");
  const script = [
    "import os, pika, ssl",
    "context = ssl.create_default_context(cadata=os.environ['CA'])",
    "parameters = pika.URLParameters(os.environ['URI'])",
    "parameters.ssl_options = pika.SSLOptions(context, parameters.host)",
    "connection = pika.BlockingConnection(parameters)",
    "print(connection.channel().queue_declare('tls', durable=True).method.message_count)",
    "connection.close()",
  ].join("\n");
  const env = {
    ...process.env,
    CA: String(await lab.output("caCertificate")),
    URI: String(await lab.output("amqpsUri")),
  };
  const { stdout } = await execa(join(bin, "python"), ["-c", script], { env });
  assert.match(stdout, /^\d+$/m);
});

test("tls.only closes the plain ports without a moment in which clients of TLS are refused", async () => {
  await lab.ensureUp(block({ renewal: 2 }));
  const system = await readSystem(lab);
  await lab.configure(block({ renewal: 2, only: true }));
  const byTls = { ...system, amqpUri: String(system.amqpsUri) };
  await underLoad(byTls, "tls-only", () => lab.runOrThrow("up"));
  for (const port of [5672, 15672]) {
    await assert.rejects(fetch(`http://${lab.virtualAddress}:${port}`), (error: Error) =>
      String((error.cause as Error | undefined)?.message).includes("ECONNREFUSED"),
    );
  }
  assert.match(String(await lab.output("managementUrl")), /^https:.*:15671$/);
  await assertProtocolsWork(lab, String(await lab.output("caCertificate")));
  const closed = [5672, 15672, ...Object.values(plainPorts)].join("|");
  const listening = await Promise.all(lab.hosts.map((host) => lab.runOn(host, "ss -tlnH")));
  for (const [index, text] of listening.entries())
    assert.doesNotMatch(text, new RegExp(`:(${closed})\\s`), lab.hosts[index]);
  await lab.runOrThrow("verify");
});
