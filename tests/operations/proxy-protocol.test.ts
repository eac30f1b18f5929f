/** The client's own address: switched on and off under load, with no client refused, also when HAProxy restarts midway. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { readSystem } from "../../testbed/chaos/suite.ts";
import { brokerAnswers } from "../../testbed/stacks/amqp-handshake.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { underLoad } from "../support/traffic.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "pp", net: 102 }));
const client = "192.168.102.1";
const block = (proxyProtocol: boolean): string =>
  `  rabbitmq-ha:haproxy: ${JSON.stringify({ proxyProtocol })}`;
/** A client of a balancer whose HAProxy restarts is refused for a moment, whatever the brokers expect. */
const restartMs = 4000;

/** Opens connections through the address all the time, and notes when one was not answered by a broker. */
class Connector {
  readonly refusedAt: number[] = [];
  answered = 0;
  readonly #done = new AbortController();
  readonly #loops: Promise<void>[];

  constructor(address: string) {
    this.#loops = Array.from({ length: 4 }, () => this.#loop(address));
  }

  async #loop(address: string): Promise<void> {
    while (!this.#done.signal.aborted) {
      const at = performance.now();
      if (await brokerAnswers(address, 20_000)) this.answered += 1;
      else this.refusedAt.push(at);
      await pause(20);
    }
  }

  async stop(): Promise<void> {
    this.#done.abort();
    await Promise.all(this.#loops);
  }
}

const headers = async (balancer: string): Promise<number> =>
  Number(await lab.runOn(balancer, "grep -c send-proxy-v2 /etc/haproxy/haproxy.cfg || true"));

/** @returns the addresses from which the brokers see their AMQP connections, with a connection of this process open */
async function peers(): Promise<readonly string[]> {
  const connection = await lab.connect();
  try {
    const said = await lab.runOn(lab.brokers[0] ?? "", "rabbitmqctl -q list_connections peer_host");
    return said.split("\n").filter((line) => /^\d/.test(line));
  } finally {
    await connection.close();
  }
}

/** Changes the setting under load. @param midway what happens while only some brokers have changed */
async function change(to: boolean, midway: () => Promise<void>): Promise<Connector> {
  await lab.configure(block(to));
  const connector = new Connector(lab.virtualAddress);
  const restarts = underLoad(
    await readSystem(lab),
    `proxy-${to}`,
    async () => {
      const up = lab.runOrThrow("up");
      await Promise.all([up, midway()]);
    },
    restartMs,
  );
  await restarts.finally(() => connector.stop());
  assert.ok(connector.answered > 50, `only ${connector.answered} connections were answered`);
  return connector;
}

test("the header is switched on without a refused client, though both HAProxies restart midway", async (context) => {
  await lab.ensureUp("");
  assert.ok(!(await peers()).includes(client));
  const windows: number[] = [];
  const connector = await change(true, async () => {
    for (const balancer of lab.balancers) {
      while (![1, 2].includes(await headers(balancer))) await pause(100);
      windows.push(performance.now());
      await lab.runOn(balancer, "systemctl restart haproxy");
    }
  });
  const refused = connector.refusedAt.filter(
    (at) => !windows.some((from) => at > from - 1000 && at < from + restartMs),
  );
  context.diagnostic(`${connector.answered} answered, ${connector.refusedAt.length} while HAProxy restarted`);
  assert.deepEqual(refused, []);
  assert.equal(windows.length, lab.balancers.length);
  await lab.runOrThrow("up", "--expect-no-changes");
});

test("every connection is seen with its client's own address, and verify checks it", async () => {
  await lab.ensureUp(block(true));
  assert.deepEqual([...new Set(await peers())], [client]);
  assert.match(await lab.runOrThrow("verify"), /client address.*seen as 192\.168\.102\.1/);
});

test("a restarted broker still expects the header, and the checks leave no line in its log", async () => {
  await lab.ensureUp(block(true));
  const broker = lab.brokers[1] ?? "";
  const log = `/var/log/rabbitmq/rabbit@${broker}.log`;
  await lab.runOn(broker, "systemctl restart rabbitmq-server");
  await lab.runOrThrow("verify");
  const before = Number(await lab.runOn(broker, `wc -l <${log}`));
  await pause(15_000);
  assert.equal(await lab.runOn(broker, `tail -n +${before + 1} ${log}`), "");
  assert.deepEqual([...new Set(await peers())], [client]);
});

test("it is switched off without a refused client or a closed session", async (context) => {
  await lab.ensureUp(block(true));
  const session = await lab.connect();
  let isClosed = false;
  session.on("close", () => (isClosed = true));
  session.on("error", () => (isClosed = true));
  const connector = await change(false, () => Promise.resolve());
  context.diagnostic(`${connector.answered} answered`);
  assert.deepEqual(connector.refusedAt, []);
  assert.ok(!isClosed);
  await session.close();
  assert.ok(!(await peers()).includes(client));
});
