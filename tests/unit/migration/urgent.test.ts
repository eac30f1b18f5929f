/** Questions whose tool runs before they are known: each is answered as any other, and nothing is left running. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import ssh2 from "ssh2";
import { Cluster } from "../../../cli/migrate/cluster.ts";
import { makePrivateKey } from "../../../platforms/ssh-keys.ts";
import { runOn } from "../../../remote/ssh.ts";
import type { System } from "../../../verify/outputs.ts";

/** What the tool prints and ends with; undefined if it hangs. */
type Answer = (text: string) => { readonly value?: unknown; readonly code: number } | undefined;

/** A host whose tool reads its standard input to the end before it answers, as `rabbitmqctl eval` does. */
class Host {
  /** The tools that were started and have neither answered nor been left. */
  running = 0;
  started = 0;
  readonly asked: string[] = [];
  answer: Answer = (text) => ({ value: text, code: 0 });
  readonly privateKey = makePrivateKey("urgent");
  readonly #server: ssh2.Server;
  readonly #clients = new Set<ssh2.Connection>();

  constructor() {
    this.#server = new ssh2.Server({ hostKeys: [this.privateKey] }, (client) => {
      this.#clients.add(client);
      client.on("authentication", (attempt) => attempt.accept());
      client.on("error", () => undefined);
      client.on("session", (accept) => accept().on("exec", (take) => this.#run(client, take())));
    });
  }

  #run(client: ssh2.Connection, channel: ssh2.ServerChannel): void {
    let text = "";
    let isRunning = true;
    this.started += 1;
    this.running += 1;
    const end = (): void => {
      if (isRunning) this.running -= 1;
      isRunning = false;
    };
    client.on("close", end);
    channel.on("data", (chunk: Buffer) => (text += chunk.toString()));
    channel.on("end", () => {
      if (!isRunning) return;
      this.asked.push(text);
      const answer = this.answer(text);
      if (answer === undefined) return;
      const { value, code } = answer;
      if (value !== undefined)
        channel.write(`<<"${Buffer.from(JSON.stringify(value)).toString("base64")}">>\n`);
      channel.exit(code);
      channel.end();
      end();
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const client of this.#clients) client.end();
  }

  async until(what: "running" | "started", count: number): Promise<void> {
    while (this[what] !== count) await pause(5);
  }
}

async function open(
  t: TestContext,
): Promise<{ readonly cluster: Cluster; readonly hosts: readonly [Host, Host] }> {
  const hosts = [new Host(), new Host()] as const;
  const ssh = await Promise.all(
    hosts.map(async (host, index) => ({
      name: `mq${String(index)}`,
      host: "127.0.0.1",
      port: await host.listen(),
      user: "root",
      privateKey: host.privateKey,
    })),
  );
  const brokers = ssh.map(({ name }) => ({ name }));
  const cluster = new Cluster("dev", { brokers, ssh } as unknown as System);
  t.after(() => {
    cluster.setUrgent(false);
    for (const host of hosts) host.close();
  });
  return { cluster, hosts };
}

const asText = (answer: unknown): string => String(answer);
const limit = { timeout: 30_000 };

test(
  "an urgent question goes to a tool that runs already, and the last of them has others started",
  limit,
  async (t) => {
    const { cluster, hosts } = await open(t);
    const [first, second] = hosts;
    cluster.startAhead();
    cluster.startAhead();
    await first.until("started", 3);
    assert.equal(await cluster.askSoon("nobody waits", asText), "nobody waits.\n");
    assert.equal(first.started, 4);
    assert.equal(first.running, 3);
    cluster.setUrgent(true);
    assert.equal(await cluster.askSoon("one", asText), "one.\n");
    assert.equal(await cluster.askSoon("two", asText), "two.\n");
    assert.equal(first.started, 4);
    assert.equal(await cluster.askSoon("three", asText), "three.\n");
    await first.until("started", 7);
    assert.equal(await cluster.askSoon("four", asText), "four.\n");
    const asked = ["nobody waits", "one", "two", "three", "four"];
    assert.deepEqual(
      first.asked,
      asked.map((each) => `${each}.\n`),
    );
    assert.equal(second.started, 0);
  },
);

test("more urgent questions at once than tools that run are all answered", limit, async (t) => {
  const { cluster } = await open(t);
  cluster.setUrgent(true);
  const answers = await Promise.all(["1", "2", "3", "4", "5"].map((each) => cluster.askSoon(each, asText)));
  assert.deepEqual(answers, ["1.\n", "2.\n", "3.\n", "4.\n", "5.\n"]);
});

test("once nothing is urgent any more, the tools that wait are ended and asked nothing", limit, async (t) => {
  const { cluster, hosts } = await open(t);
  const [first] = hosts;
  cluster.setUrgent(true);
  await first.until("running", 3);
  cluster.setUrgent(false);
  await first.until("running", 0);
  assert.deepEqual(first.asked, []);
  assert.equal(await cluster.askSoon("one", asText), "one.\n");
  await first.until("running", 0);
  assert.equal(first.started, 4);
});

for (const code of [69, 0])
  test(
    `an urgent question that ends with ${String(code)} and no answer is asked again, of another broker`,
    limit,
    async (t) => {
      const { cluster, hosts } = await open(t);
      const [first, second] = hosts;
      first.answer = () => ({ code });
      cluster.setUrgent(true);
      assert.equal(await cluster.askSoon("one", asText), "one.\n");
      assert.deepEqual(first.asked, ["one.\n"]);
      assert.deepEqual(second.asked, ["one.\n"]);
    },
  );

test(
  "an urgent question without an answer is given up in its time, and asked of another broker",
  limit,
  async (t) => {
    const { cluster, hosts } = await open(t);
    const [first, second] = hosts;
    first.answer = () => undefined;
    cluster.setUrgent(true);
    assert.equal(await cluster.askSoon("one", asText, 1), "one.\n");
    assert.deepEqual(second.asked, ["one.\n"]);
  },
);

test(
  "a host that says nothing any more is given up before the time of the command is over",
  limit,
  async (t) => {
    const host = new Host();
    const hidden = await host.listen();
    const sockets: Socket[] = [];
    const way = createServer((socket) => {
      const further = connect(hidden, "127.0.0.1");
      sockets.push(socket, further);
      socket.pipe(further).pipe(socket);
      for (const each of [socket, further]) each.on("error", () => undefined);
    }).listen(0, "127.0.0.1");
    await once(way, "listening");
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      way.close();
      host.close();
    });
    const { port } = way.address() as AddressInfo;
    const login = { host: "127.0.0.1", port, user: "root", privateKey: host.privateKey };
    const input = new Promise<string>(() => undefined);
    const ran = runOn(login, { command: "cat", input, silentSeconds: 2, timeoutSeconds: 600 });
    const refused = assert.rejects(ran, /[Kk]eepalive|closed/);
    await host.until("started", 1);
    for (const socket of sockets) socket.unpipe().pause();
    await refused;
  },
);
