/** Log-in by certificate, and another authority under load: no client is refused, no connection closed, nothing lost. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test, type TestContext } from "node:test";
import { connect as connectByTls } from "node:tls";
import { setTimeout as pause } from "node:timers/promises";
import amqp from "amqplib";
import { execa } from "execa";
import { certificatesIn, issueCertificate, makeAuthority, type Identity } from "../../certificates/issue.ts";
import { readSystem } from "../../testbed/chaos/suite.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { root } from "../../testbed/stacks/trial-stack.ts";
import { ensurePythonTools } from "../../toolchain/python.ts";
import { LoginClient } from "../support/login-client.ts";
import { readMessages } from "../support/messages.ts";
import { underLoad } from "../support/traffic.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "tc", net: 107 }), {
  release: async () => {
    await stopClients();
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true })));
  },
});
const page = await readFile(join(root, "docs", "tls.md"), "utf8");
const [, section = ""] = page.split("### Log in by certificate\n");
const folders: string[] = [];
const clients: LoginClient[] = [];
/** A handshake on a busy machine may take longer than the load's watch waits. Whether one fails is the clients' to say. */
const slowMs = 5000;
const uri = `amqps://${lab.virtualAddress}:5671`;

async function stopClients(): Promise<void> {
  await Promise.all(clients.splice(0).map((client) => client.stop()));
}

afterEach(stopClients);

/** @returns the first block of code in this language in the page's section */
function example(language: string): string {
  const found = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "ms").exec(section);
  return found?.[1] ?? assert.fail(`docs/tls.md has no example in ${language || "the shell"}`);
}

/** @returns the page's example, with this authority: plug-in, settings and the user `orders` */
function byCertificate(ca: string): string {
  return example("yaml")
    .replace("    …the lines of ca.crt\n", ca.replaceAll(/^(?=.)/gm, "    "))
    .replaceAll(/^(?=.)/gm, "  ");
}

/** The same brokers, with authorities of the stack's own. */
function byNumber(authorities: readonly number[]): string {
  const [, rest = ""] = byCertificate("").split(/^(?= {2}rabbitmq-ha:rabbitmq:)/m);
  return `  rabbitmq-ha:tls: ${JSON.stringify({ authorities })}\n${rest}`;
}

interface Credentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The options of a client that logs in by a certificate. */
const external = ({ ca, cert, key }: Credentials) => ({
  ...{ ca: [ca], cert, key },
  credentials: amqp.credentials.external(),
});

async function issueOrders(issuer: Identity): Promise<{ readonly cert: string; readonly key: string }> {
  const request = { name: "orders", sanNames: ["orders"], sanAddresses: [], now: new Date() };
  const { certificate: cert, key } = await issueCertificate({ ...request, issuer });
  return { cert, key };
}

/** Has the stack use this authority, with its key. */
async function give(ca: string, key: string): Promise<void> {
  if ((await lab.resources()).length === 0) await lab.ensureUp(byNumber([1]));
  await lab.setSecret("tlsCaKey", key);
  await lab.configure(byCertificate(ca));
}

const started = (): Promise<string[]> =>
  Promise.all(
    lab.brokers.map((host) => lab.runOn(host, "systemctl show -p ActiveEnterTimestamp rabbitmq-server")),
  );

const authorities = async (): Promise<string> => String(await lab.output("caCertificate"));

/** @returns the certificates of authorities in the text that the certificate behind the address is of */
async function issuersShown(ca: string): Promise<string[]> {
  const socket = connectByTls({ host: lab.virtualAddress, port: 5671, ca });
  const shown = await new Promise<X509Certificate | undefined>((resolve, reject) => {
    socket.once("secureConnect", () => resolve(socket.getPeerX509Certificate()));
    socket.once("error", reject);
  });
  socket.destroy();
  return certificatesIn(ca).filter((each) => shown?.verify(new X509Certificate(each).publicKey));
}

interface Step {
  readonly configure: () => Promise<void>;
  /** What clients do once the step's `up` has ended. */
  readonly then: () => Promise<void>;
}

/** Changes the authority while clients open connections all the time, publish, and consume. */
async function change(
  context: TestContext,
  name: string,
  options: () => Readonly<Record<string, unknown>>,
  steps: readonly Step[],
): Promise<void> {
  const queue = `authority-${name}`;
  const admin = await lab.connect();
  await (await admin.createChannel()).assertQueue(queue, { durable: true });
  await admin.close();
  const before = await started();
  const login = (await lab.output("amqpsUri")) as string;
  const from = "credentials" in options() ? uri : login;
  const used = Array.from({ length: 4 }, (_, at) => new LoginClient(from, `client-${at}`, queue, options));
  clients.push(...used);
  for (const client of used) client.start();
  for (const [index, { configure, then }] of steps.entries()) {
    await configure();
    const system = { ...(await readSystem(lab)), amqpUri: login };
    const up = (): Promise<unknown> => lab.runOrThrow("up");
    const { confirmed } = await underLoad(system, `${name}-${index + 1}`, up, slowMs);
    await then();
    await pause(3000);
    const logins = used.reduce((sum, each) => sum + each.logins, 0);
    context.diagnostic(`step ${index + 1}: ${confirmed} confirmed under load, ${logins} log-ins so far`);
    assert.deepEqual(
      used.flatMap(({ errors }) => errors),
      [],
    );
  }
  await stopClients();
  assert.deepEqual(await started(), before, "a broker was restarted");
  assert.deepEqual(
    used.flatMap(({ errors }) => errors),
    [],
  );
  for (const { confirmed, logins } of used)
    assert.ok(confirmed.length > 100 && logins > 50, `${confirmed.length} ${logins}`);
  const found = new Set(await readMessages(await lab.connect(), queue));
  assert.deepEqual(
    used.flatMap(({ confirmed }) => confirmed).filter((message) => !found.has(message)),
    [],
  );
}

test("the stack's authority is changed in three steps, and who has the file of each step is never refused", async (context) => {
  await lab.ensureUp(byNumber([1]));
  const first = await authorities();
  let trusted = first;
  const step = (numbers: readonly number[]): Step => ({
    configure: () => lab.configure(byNumber(numbers)),
    then: async () => {
      trusted = await authorities();
    },
  });
  const options = (): { readonly ca: string[] } => ({ ca: [trusted] });
  await change(context, "own", options, [step([1, 2]), step([2, 1]), step([2])]);
  assert.equal(certificatesIn(trusted).length, 1);
  assert.notEqual(trusted, first);
  assert.deepEqual(await issuersShown(trusted), certificatesIn(trusted));
  // Who still has the first file alone is refused, as the page says.
  await assert.rejects(issuersShown(first), /certificate/);
  await lab.runOrThrow("verify");
});

test("the page's example: a client logs in by its certificate through the virtual address", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rabbitmq-ha-certificates-"));
  folders.push(folder);
  await execa("bash", ["-ec", example("")], { cwd: folder });
  const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");
  const ca = await read("ca.crt");
  await give(ca, await read("ca.key"));
  await lab.runOrThrow("up");
  const own = { ca, cert: await read("orders.crt"), key: await read("orders.key") };

  const connection = await amqp.connect(uri, external(own));
  const listed = await lab.runOn(
    lab.brokers[0] ?? "",
    "rabbitmqctl -q list_connections user auth_mechanism peer_cert_subject",
  );
  assert.match(listed, /^orders\tEXTERNAL\tCN=orders$/m);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue("by-certificate", { durable: true });
  channel.sendToQueue("by-certificate", Buffer.from("by certificate"), { persistent: true });
  await channel.waitForConfirms();
  await connection.close();

  // Not without a certificate, not with one of another authority, and not as a user that there is not.
  await assert.rejects(amqp.connect(uri, { ca: [ca], credentials: amqp.credentials.external() }));
  const stranger = await makeAuthority("another authority", new Date());
  await assert.rejects(amqp.connect(uri, external({ ca, ...(await issueOrders(stranger)) })));
  await execa("bash", ["-ec", example("").split("\n").slice(1).join("\n").replaceAll("orders", "nobody")], {
    cwd: folder,
  });
  const nobody = { ca, cert: await read("nobody.crt"), key: await read("nobody.key") };
  await assert.rejects(amqp.connect(uri, external(nobody)), /ACCESS.REFUSED|closed/i);

  const script = [
    "import pika, ssl",
    `ADDRESS = "${lab.virtualAddress}"`,
    example("python"),
    "connection = pika.BlockingConnection(parameters)",
    "print(connection.channel().basic_get('by-certificate', auto_ack=True)[2].decode())",
    "connection.close()",
  ].join("\n");
  await writeFile(join(folder, "client.py"), script);
  const { bin } = await ensurePythonTools("clients");
  const { stdout } = await execa(join(bin, "python"), ["client.py"], { cwd: folder });
  assert.equal(stdout.trim(), "by certificate");
  await lab.runOrThrow("verify");
  await lab.runOrThrow("up", "--expect-no-changes");
});

test("an authority of one's own is changed in three steps, while clients log in by its certificates", async (context) => {
  const [old, next] = [await makeAuthority("old", new Date()), await makeAuthority("next", new Date())];
  await give(old.certificate, old.key);
  await lab.runOrThrow("up");
  const [former, renewed] = [await issueOrders(old), await issueOrders(next)];
  let shown = former;
  let trusted = await authorities();
  const options = (): Readonly<Record<string, unknown>> => external({ ca: trusted, ...shown });
  const trust = async (): Promise<void> => {
    trusted = await authorities();
  };
  await change(context, "given", options, [
    { configure: () => give(old.certificate + next.certificate, old.key), then: trust },
    {
      configure: () => give(next.certificate + old.certificate, next.key),
      then: async () => {
        await trust();
        shown = renewed;
      },
    },
    { configure: () => give(next.certificate, next.key), then: trust },
  ]);
  assert.equal(trusted.trim(), next.certificate.trim());
  await (await amqp.connect(uri, options())).close();
  await assert.rejects(amqp.connect(uri, external({ ca: trusted, ...former })));
  await lab.runOrThrow("verify");
});
