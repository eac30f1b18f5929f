/** What dies while clients and messages move, forth and back: nothing that was confirmed is lost, and order is kept. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { dropPackets, findPids, restorePackets, sendSignal } from "../../testbed/chaos/host-actions.ts";
import { powerOff, powerOn } from "../../testbed/stacks/hosts.ts";
import type { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { carryUser } from "../../definitions/migration-names.ts";
import { MigrationPair } from "../support/migration-pair.ts";
import { fewQueues, largest, streamName } from "../support/migration-queues.ts";
import { drainSeconds, MigrationRun, runs, settleMs } from "../support/migration-run.ts";
import { pollUntil } from "../../verify/polling.ts";

const pair = new MigrationPair({
  old: { name: "ko", net: 104 },
  fresh: { name: "kn", net: 114 },
  version: "4.3.6",
});
const { old, fresh } = pair;
pair.use();

/** For how long a network is cut, and a machine is off. */
const awayMs = 10_000;
/** Every five seconds a quorum queue takes again what its broker is set to. */
const settingsMs = 7000;
/** After a kill, the command has to be done within this time, however often it is run. */
const goesOnSeconds = 240;
/** And both clusters have to be whole again. */
const wholeSeconds = 180;
const gap = ["--max-gap", "10"] as const;

interface Kill {
  readonly what: string;
  /** When: at this line of the command; of its next run, at the next one. */
  readonly at: readonly RegExp[];
  /**
   * Whether connections of clients die with it in silence: what was delivered to them comes back only once the broker
   * notices, behind later messages. It is so without a migration, too.
   */
  readonly cutsClients?: boolean;
  /** Called before the command. @returns what is done then to the command's process group, or to a host */
  readonly arrange: (source: LabStack) => Promise<(pid: number) => Promise<unknown>>;
}

/** What nobody consumes is carried, and clients use the source. Once the stream is, there may be nothing else left. */
const carrying = /messages are left, about|is not carried yet/;
/** The source is being closed, and the rest carried. */
const closing = /clients wait from now on/;

const kills: readonly Kill[] = [
  {
    what: "the command",
    at: [carrying, closing],
    arrange: () => Promise.resolve((pid) => Promise.resolve(process.kill(-pid, "SIGKILL"))),
  },
  {
    what: "the broker of NEW that has the largest queue's shovel",
    at: [carrying],
    cutsClients: true,
    arrange: () => Promise.resolve(async () => killBroker(await brokerOfShovel(largest))),
  },
  {
    what: "the broker of NEW that has the stream's shovel",
    at: [carrying],
    cutsClients: true,
    arrange: () => Promise.resolve(async () => killBroker(await brokerOfShovel(streamName))),
  },
  {
    what: "the broker from which the largest queue's shovel reads",
    at: [carrying],
    cutsClients: true,
    arrange: (source) =>
      Promise.resolve(async () => {
        await pause(settingsMs);
        return killBroker(await brokerOfReader(source));
      }),
  },
  {
    what: "the broker of OLD that leads the largest queue",
    at: [closing],
    arrange: async () => {
      const host = await leaderOnOld();
      return () => killBroker(host);
    },
  },
  {
    what: "the machine that has the address, off for 10 s",
    at: [closing],
    cutsClients: true,
    arrange: async () => {
      const host = await holderOfAddress();
      return async () => {
        await powerOff(host);
        await pause(awayMs);
        await powerOn(host);
      };
    },
  },
  {
    what: "the shovels' connections",
    at: [carrying],
    arrange: (source) => {
      const [first = ""] = source.brokers;
      const close = `rabbitmqctl -q close_all_user_connections ${carryUser} killed </dev/null`;
      return Promise.resolve(() => source.runOn(first, close));
    },
  },
  {
    what: "the network between OLD's and NEW's brokers, for 10 s",
    at: [closing],
    arrange: () => {
      const peers = old.brokers.map((name) => addressOf(old, name));
      return Promise.resolve(async () => {
        await Promise.all(fresh.brokers.map((name) => dropPackets(name, peers)));
        await pause(awayMs);
        await Promise.all(fresh.brokers.map((name) => restorePackets(name)));
      });
    },
  },
];

for (let number = 1; number <= runs; number += 1) {
  for (const kill of kills) {
    const which = runs === 1 ? "" : `, ${number} of ${runs}`;
    test(`${kill.what}: forth, and back${which}`, { timeout: 1_200_000 }, async (context) => {
      const run = await MigrationRun.begin({ pair, queues: fewQueues(15_000), killed: kill.what, context });
      await run.move("forth", () => moveWithKill(kill, old));
      await waitUntilWhole();
      await run.move("back", () => moveWithKill(kill, fresh, "--back"));
      await waitUntilWhole();
      const { disorders } = await run.end();
      const caused =
        kill.cutsClients === true ? disorders.filter((line) => line.startsWith(largest)) : disorders;
      assert.deepEqual(caused, []);
    });
  }
}

for (const [where, at] of [
  ["carried", carrying],
  ["closed", closing],
] as const) {
  test(`killed while the source is ${where}, --back leads to it`, { timeout: 1_200_000 }, async (context) => {
    await pair.ensureUnmoved();
    const load = await pair.startLoad(fewQueues(15_000));
    const from = performance.now();
    await pair.runKilledAt(at, ...gap);
    context.diagnostic(await pair.runOrThrow("--back", ...gap));
    await pause(settleMs);
    const gapMs = load.longestGapMs(from, performance.now());
    context.diagnostic(`${(gapMs / 1000).toFixed(1)} s without a confirm`);
    assert.ok(!(await pair.isMoved()));
    const { lost, disorders } = await load.stop(drainSeconds);
    assert.deepEqual([lost, disorders], [[], []]);
  });
}

/** Runs the command with the kill, and then until it has moved the clients. @returns what it said */
async function moveWithKill(kill: Kill, source: LabStack, ...flags: readonly string[]): Promise<string> {
  const outputs: string[] = [];
  let last = 1;
  for (const at of kill.at) {
    const { code, output } = await pair.runUntil(at, await kill.arrange(source), ...flags, ...gap);
    outputs.push(output);
    last = code;
  }
  const from = performance.now();
  while (last !== 0) {
    assert.ok(
      performance.now() - from < goesOnSeconds * 1000,
      outputs.map((text) => tail(text)).join("\n---\n"),
    );
    const { code, output } = await pair.run(...flags, ...gap);
    outputs.push(output);
    last = code;
  }
  return outputs.join("---\n");
}

function addressOf(stack: LabStack, name: string): string {
  return stack.virtualAddress.replace(/\d+$/, name.slice(-3));
}

async function killBroker(host: string): Promise<void> {
  const pids = await findPids(host, "beam.smp");
  assert.ok(pids.length > 0, `${host} has no broker`);
  sendSignal(pids, "SIGKILL");
}

async function leaderOnOld(): Promise<string> {
  const list = await pair.onOld("rabbitmqctl -q list_queues --no-table-headers name pid");
  return hostInLineOfLargest(list, "the largest queue has no leader");
}

/** @param list with a line for each queue or consumer: the queue, and the id of a process of Erlang */
function hostInLineOfLargest(list: string, otherwise: string): string {
  const found = new RegExp(`^${largest}\\t<rabbit@([^.]+)\\.`, "m").exec(list);
  return found?.[1] ?? assert.fail(`${otherwise}:\n${list}`);
}

/** @returns the host of the new stack on which the queue's shovel runs */
async function brokerOfShovel(queue: string): Promise<string> {
  const question = `rabbitmqctl -q eval '[{N, element(2, element(1, S))} || N <- rabbit_nodes:all_running(), S <- rpc:call(N, rabbit_shovel_status, status, [])].' </dev/null`;
  const said = await fresh.runOn(fresh.brokers[0] ?? "", question);
  const found = new RegExp(`\\{'?rabbit@([\\w-]+)'?,\\s*<<"[^"]*\\.${queue}"`).exec(said);
  return found?.[1] ?? assert.fail(`no broker has the shovel:\n${said}`);
}

/** @returns the host of the cluster that is left to which the shovel of the largest queue is connected */
async function brokerOfReader(source: LabStack): Promise<string> {
  const question = "rabbitmqctl -q list_consumers --no-table-headers queue_name channel_pid </dev/null";
  const list = await source.runOn(source.brokers[0] ?? "", question);
  return hostInLineOfLargest(list, "nobody reads from the largest queue");
}

async function holderOfAddress(): Promise<string> {
  for (const host of old.balancers) {
    const list = await old.runOn(host, "ip -o -4 addr show");
    if (list.includes(` ${old.virtualAddress}/`)) return host;
  }
  return assert.fail("no balancer has the address");
}

/** Waits until all brokers of both stacks run, and all mirrors are in step. */
async function waitUntilWhole(): Promise<void> {
  const mirrors =
    "[N || Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) =:= rabbit_classic_queue, N <- [amqqueue:get_name(Q)], length(amqqueue:get_slave_pids(Q)) =/= length(amqqueue:get_sync_slave_pids(Q))]";
  const awaitStack = async (stack: LabStack): Promise<void> => {
    const question = `{length(rabbit_nodes:all_running()), ${stack === old ? mirrors : "[]"}}`;
    const ask = (): Promise<string> =>
      stack
        .runOn(stack.brokers[0] ?? "", `rabbitmqctl -q eval '${question}.' </dev/null`)
        .then((said) => said.trim(), String);
    const whole = `{${stack.brokers.length},[]}`;
    const options = { timeoutSeconds: wholeSeconds, intervalMs: 1000 };
    const said = await pollUntil(options, ask, (text) => text === whole);
    assert.equal(said, whole, `${stack.stack} is not whole`);
  };
  await Promise.all([old, fresh].map(awaitStack));
}
