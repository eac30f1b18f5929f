/** The operations of a cluster, the same on each version of RabbitMQ: what they take, and that nothing is lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { seriesOf } from "../../hosts/rabbitmq-series.ts";
import { readRabbitmqVersion } from "../../testbed/chaos/environment.ts";
import { readSystem } from "../../testbed/chaos/suite.ts";
import { brokerAnswers } from "../../testbed/stacks/amqp-handshake.ts";
import { powerOff, powerOn } from "../../testbed/stacks/hosts.ts";
import type { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { type Operation, type OperationRecord, recordOperation } from "../../testbed/versions/records.ts";
import type { System } from "../../verify/outputs.ts";
import { deleteQueue, publish, readMessages } from "./messages.ts";
import { underLoad } from "./traffic.ts";
import { waitForVerify } from "./wait-for-verify.ts";

/** Within how many seconds of power all brokers have to serve. */
const servingGoalSeconds = 60;
/** RabbitMQ itself can lose a queue that was declared right before a power cut: docs/failures.md. */
const queueSettlesSeconds = 10;
/** One attempt at a broker that has just stopped, and the next one, for each of the restarts. */
const restartOutageMs = 4000;
const setting = "settings: { channel_max: 1000 }";
const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);

interface OperationsOptions {
  /** Chosen once the cluster runs. @default the version's own */
  readonly store?: "Khepri";
  /** Of the stack. @default the version's own */
  readonly queues?: "quorum";
}

/** As an operator does it, by RabbitMQ's own documentation: https://www.rabbitmq.com/docs/4.0/metadata-store */
const chooseKhepri = "rabbitmqctl -q enable_feature_flag --experimental khepri_db </dev/null";

/** Whether a broker has its tables in Khepri, and how many members its store has. */
const askStore = `rabbitmqctl -q eval '{rabbit_khepri:is_enabled(), length(rabbit_khepri:locally_known_nodes())}.' </dev/null`;

/** Declares the tests. The stack has the first three of the lab's five brokers; the growth of the cluster adds the others. */
export function testOperations(lab: LabStack, { store, queues }: OperationsOptions = {}): void {
  const three = lab.brokers.slice(0, 3);
  const [first = "", second = "", third = ""] = three;
  const settings = (more = ""): string => {
    const rabbitmq = [...(queues === undefined ? [] : [`queues: ${queues}`]), ...(more === "" ? [] : [more])];
    return rabbitmq.length === 0 ? "" : `  rabbitmq-ha:rabbitmq: { ${rabbitmq.join(", ")} }`;
  };
  const begin = async (): Promise<void> => {
    await lab.ensureUp(settings(), three);
    await chooseStore();
  };
  const chooseStore = async (): Promise<void> => {
    if (store === "Khepri") await lab.runOn(first, chooseKhepri);
  };
  /** Each broker is asked itself: a new one has the store of the cluster that it joined. */
  const assertStore = async (brokers: readonly string[]): Promise<void> => {
    if (store !== "Khepri") return;
    for (const broker of brokers)
      assert.match(
        await lab.runOn(broker, askStore),
        new RegExp(`^\\{true,${brokers.length}\\}$`, "m"),
        broker,
      );
  };

  const versionOf = async (): Promise<Pick<OperationRecord, "rabbitmq" | "queues" | "store">> => {
    const system = await readSystem(lab);
    const rabbitmq = await readRabbitmqVersion(system);
    return { rabbitmq, queues: system.queues ?? "mirrored", store };
  };
  const record = async (operation: Operation, result: string): Promise<void> =>
    recordOperation({ operation, ...(await versionOf()), result });
  const uriOf = ({ brokers, amqpUri }: System, name: string): string => {
    const uri = new URL(amqpUri);
    uri.hostname = brokers.find((each) => each.name === name)?.address ?? "";
    return uri.href;
  };
  /** Does something under load. @returns the longest time in which some publisher had no confirm, such as `1.2 s` */
  const gapOf = async (name: string, work: () => Promise<unknown>, outageMs?: number): Promise<string> => {
    const { longestGapMs } = await underLoad(await readSystem(lab), name, work, outageMs);
    return `${(longestGapMs / 1000).toFixed(1)} s`;
  };
  const fill = async (queue: string): Promise<void> =>
    publish(await lab.connect(), queue, messages, "quorum");
  const assertMessages = async (queue: string, uri?: string): Promise<void> => {
    assert.deepEqual((await readMessages(await lab.connect(uri), queue)).sort(), messages.toSorted());
  };
  /** Stops the brokers in their order and switches their machines off. */
  const stopAll = async (): Promise<void> => {
    for (const broker of three) await lab.runOn(broker, "systemctl stop rabbitmq-server");
    await Promise.all(three.map(powerOff));
  };

  test("lifecycle: up from nothing, a second up changes nothing, destroy leaves nothing", async (context) => {
    await lab.configure(settings(), three);
    const started = Date.now();
    assert.match(await lab.runOrThrow("up"), /is healthy/);
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    await chooseStore();
    const again = await lab.runOrThrow("up", "--expect-no-changes");
    await assertStore(three);
    const unchanged = /^ +(\d+ unchanged)$/m.exec(again)?.[1] ?? assert.fail(tail(again));
    const version = await versionOf();
    await lab.runOrThrow("destroy");
    assert.deepEqual(await lab.findLeftovers(), []);
    context.diagnostic(`up: ${seconds} s; a second up: ${unchanged}`);
    await recordOperation({
      operation: "lifecycle",
      ...version,
      result: `up ${seconds} s; again: ${unchanged}; destroy leaves nothing`,
    });
  });

  test("rolling change: a setting restarts each broker in turn under load", async () => {
    await begin();
    await lab.configure(settings(setting), three);
    const gap = await gapOf("rolling", () => lab.runOrThrow("up"), restartOutageMs);
    for (const host of three) {
      assert.match(await lab.runOn(host, "rabbitmqctl -q environment </dev/null | grep channel_max"), /1000/);
    }
    await record("rolling change", `gap ${gap}; 0 lost`);
  });

  test("replace: the first broker's machine is replaced under load", async () => {
    await begin();
    await fill("replace");
    const gap = await gapOf("replace", async () => {
      assert.match(await lab.runOrThrow("up", "--replace", first), /is healthy/);
    });
    await assertMessages("replace");
    await assertStore(three);
    await record("replace", `gap ${gap}; 0 lost`);
  });

  test("scale: two more brokers join under load, and leave again", async () => {
    await begin();
    await fill("scale");
    await lab.configure(settings(), lab.brokers);
    const out = await gapOf("out", () => lab.runOrThrow("up"));
    await assertStore(lab.brokers);
    await lab.configure(settings(), three);
    const back = await gapOf("back", () => lab.runOrThrow("up"));
    await assertMessages("scale");
    await record("scale", `gap ${out} to five, ${back} back to three; 0 lost`);
  });

  test("only copy: a broker with the only copy of a queue does not leave, nor one beside a stopped broker", async () => {
    await begin();
    const system = await readSystem(lab);
    const uri = uriOf(system, third);
    const connection = await lab.connect(uri);
    const channel = await connection.createConfirmChannel();
    const alone = { "x-queue-type": "quorum", "x-quorum-initial-group-size": 1 };
    await channel.assertQueue("alone", { arguments: alone });
    channel.sendToQueue("alone", Buffer.from("kept"), { persistent: true });
    await channel.waitForConfirms();
    await connection.close();
    const refused = async (words: string): Promise<void> => {
      const { code, output } = await lab.npm("up", "--replace", third);
      assert.notEqual(code, 0);
      assert.match(output, new RegExp(`${third} does not leave the cluster: ${words}`), tail(output));
    };
    try {
      await refused("it has the only copy of 1 queues: alone");
      await lab.runOn(second, "systemctl stop rabbitmq-server");
      await refused(`${second} would have to run beside it`);
    } finally {
      await lab.runOn(second, "systemctl start rabbitmq-server");
    }
    assert.match(await lab.runOrThrow("up"), /is healthy/);
    assert.deepEqual(await readMessages(await lab.connect(uri), "alone"), ["kept"]);
    await deleteQueue(await lab.connect(uri), "alone");
    await record("only copy", "refused: only copy; refused: beside a stopped broker");
  });

  test("whole stop: all brokers come back by themselves, with their messages", async () => {
    await begin();
    await fill("stop");
    await pause(queueSettlesSeconds * 1000);
    const { brokers } = await readSystem(lab);
    await stopAll();
    const started = Date.now();
    await Promise.all(three.map(powerOn));
    for (const { name, address } of brokers) {
      while (!(await brokerAnswers(address, 1000))) {
        const late = Date.now() - started > servingGoalSeconds * 1000;
        assert.ok(!late, `${name} does not serve after ${servingGoalSeconds} s`);
        await pause(200);
      }
    }
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    await waitForVerify(lab);
    await assertMessages("stop");
    await record("whole stop", `${brokers.length} of ${three.length} back after ${seconds} s; 0 lost`);
  });

  test("force-boot: without the broker that stopped last, those that are left start with the messages", async () => {
    await begin();
    await fill("boot");
    await pause(queueSettlesSeconds * 1000);
    const system = await readSystem(lab);
    const version = await versionOf();
    await stopAll();
    // A majority starts by itself with Khepri; without one a quorum queue cannot be read with Mnesia.
    const hasMnesia = store === undefined && seriesOf(version.rabbitmq)?.hasMnesia === true;
    const left = hasMnesia ? [first, second] : [second];
    for (const broker of left) await powerOn(broker);
    const command = `npm run up -- --force-boot ${second} --stack ${lab.stack}`;
    await waitForVerify(lab, ({ output: said }) => said.includes(command));
    const started = Date.now();
    const { code, output } = await lab.npm("up", "--force-boot", second);
    assert.equal(code, 1, "up must fail: the other brokers are still off");
    for (const broker of left) assert.match(output, new RegExp(`^${broker} serves$`, "m"), tail(output));
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    await assertMessages("boot", uriOf(system, second));
    await recordOperation({
      operation: "force-boot",
      ...version,
      result: `${left.length} of ${left.length} serve after ${seconds} s; 0 lost`,
    });
  });
}
