/** The migration of a running cluster of mirrored queues, the same to each version of RabbitMQ. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { tail } from "../../testbed/stacks/running-up.ts";
import { root, type ScriptResult } from "../../testbed/stacks/trial-stack.ts";
import { backlogName } from "./migration-load.ts";
import { MigrationPair } from "./migration-pair.ts";
import { queuesOfEveryKind, streamName } from "./migration-queues.ts";
import { messages, MigrationRun, runs } from "./migration-run.ts";

/** Other work is done beside a test, so these are far above the goals of the documentation: 10 s each. */
const gapLimitSeconds = 90;
const lookLimitMs = 30_000;
const lookTries = 5;
/** Of all publishers together: enough to see an effect, and what two cores manage, if many messages are asked for. */
const messagesPerSecond = messages === 0 ? 200 : 500;

/** A queue that is only looked at: how it is declared, and what is said of it. */
interface LookedAtQueue {
  readonly durable?: boolean;
  readonly autoDelete?: boolean;
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** From what to what; undefined for one that is not carried. */
  readonly kinds: readonly [string, string] | undefined;
}

const lookedAt: Readonly<Record<string, LookedAtQueue>> = {
  plain: { kinds: ["mirrored", "quorum"] },
  priorities: { arguments: { "x-max-priority": 5 }, kinds: ["mirrored", "quorum"] },
  lazy: { arguments: { "x-queue-mode": "lazy" }, kinds: ["mirrored", "quorum"] },
  ttl: { arguments: { "x-message-ttl": 600_000 }, kinds: ["mirrored", "quorum"] },
  "dead-letter": {
    arguments: {
      "x-dead-letter-exchange": "amq.fanout",
      "x-overflow": "reject-publish-dlx",
      "x-max-length": 9,
    },
    kinds: ["mirrored", "quorum"],
  },
  sole: { arguments: { "x-single-active-consumer": true }, kinds: ["mirrored", "quorum"] },
  stated: { arguments: { "x-queue-type": "classic" }, kinds: ["mirrored", "quorum"] },
  "auto-delete": { autoDelete: true, kinds: ["mirrored", "classic"] },
  quorum: { arguments: { "x-queue-type": "quorum" }, kinds: ["quorum", "quorum"] },
  stream: { arguments: { "x-queue-type": "stream" }, kinds: ["stream", "stream"] },
};
const heldMessages = 3;
/** Brokers count what quorum queues and streams hold every five seconds. */
const statisticsMs = 7000;
const vhost = "look";

/** What a look says, as JSON. */
interface SaidLook {
  readonly queues: readonly {
    readonly vhost: string;
    readonly name: string;
    readonly from: string;
    readonly to: string;
    readonly depth?: { readonly ready: number };
  }[];
  readonly findings: readonly {
    readonly outcome: string;
    readonly isBlocking: boolean;
    readonly subjects: readonly string[];
    readonly what: string;
  }[];
}

/** Declares the tests. @param version of the RabbitMQ that the new stack has */
export function testMigration(version: string): void {
  const pair = new MigrationPair({ old: { name: "mo", net: 105 }, fresh: { name: "mn", net: 145 }, version });
  const { old } = pair;
  pair.use();

  /** Looks, again where no broker answered within the look's own few seconds, as on a busy machine. */
  const look = async (
    took: (seconds: string) => void,
    ...flags: readonly string[]
  ): Promise<ScriptResult> => {
    for (let left = lookTries; ; left -= 1) {
      const started = performance.now();
      const result = await pair.run("--dry-run", ...flags);
      const lookMs = performance.now() - started;
      assert.ok(lookMs < lookLimitMs, `${lookMs} ms`);
      took((lookMs / 1000).toFixed(1));
      if (left === 1 || !result.output.includes("answers whole")) return result;
    }
  };

  test("a look names all and touches nothing", { timeout: 900_000 }, async (context) => {
    await pair.ensureUnmoved();
    const close = await declareLookedAt(pair);
    try {
      const before = await everything(pair);
      const { code, output } = await look((seconds) => context.diagnostic(`look: ${seconds} s`));
      const json = await look(() => undefined, "--json");
      assert.deepEqual(await everything(pair), before);
      assert.match(output, /^moves as it is:$/m);
      assert.match(output, /^becomes something else:$/m);
      // Before it, the set-up says which CLI it uses.
      const said = JSON.parse(json.output.slice(json.output.indexOf("{"))) as SaidLook;
      const carried = said.queues.filter((queue) => queue.vhost === vhost);
      for (const [name, { kinds }] of Object.entries(lookedAt)) {
        const found = carried.find((queue) => queue.name === name);
        assert.deepEqual(
          found && [found.from, found.to, found.depth?.ready],
          kinds && [...kinds, heldMessages],
          name,
        );
      }
      const saidOf = (name: string): string[] =>
        said.findings
          .filter(({ subjects }) => subjects.some((subject) => subject.includes(name)))
          .map(({ outcome, isBlocking, what }) => `${isBlocking ? "blocking" : outcome}: ${what}`);
      const has = (name: string, words: RegExp): void =>
        assert.ok(
          saidOf(name).some((line) => words.test(line)),
          `${name}: ${saidOf(name).join("; ")}\n${tail(output)}`,
        );
      has("plain", /^becomes: mirrored queue → quorum queue/);
      has("priorities", /^becomes: .*priorities/);
      has("lazy", /^becomes: is no longer lazy/);
      has("dead-letter", /^becomes: x-overflow/);
      has("stated", /^blocking: is declared with x-queue-type: classic/);
      has("auto-delete", /^becomes: mirrored queue → classic queue on one broker/);
      has("stream", /^becomes: keeps its messages, and their offsets begin anew/);
      has("amq.gen", /^cannot: has a name that the broker gave/);
      // Whether NEW permits such queues is its own to say.
      has(
        "transient",
        /^(becomes: mirrored queue → classic queue|blocking: is neither durable nor exclusive)/,
      );
      assert.equal(code, 1, "what has to be done before is there");
      assert.match(output, /^has to be done before:$/m);
    } finally {
      await close();
    }
    const { code, output } = await look(() => undefined);
    assert.equal(code, 0, tail(output));
    assert.match(output, /Nothing stands against the migration/);
  });

  test(
    "a stream that no shovel carries whole keeps the clients where they are",
    { timeout: 900_000 },
    async () => {
      await pair.ensureUnmoved();
      const name = "batched";
      const load = await pair.startLoad([
        {
          ...{ name, isConsumed: false, messagesPerSecond: 0, backlog: 500 },
          arguments: { "x-queue-type": "stream" },
        },
      ]);
      load.stopNow();
      await pair.onOld(`rabbitmqctl -q eval '${compressedBatch(name)}'`);
      await pair.runKilledAt(/stream batched has batches of the stream protocol/);
      assert.ok(!(await pair.isMoved()));
      assert.match(await pair.runOrThrow("--back"), /the migration is cancelled/);
      const left = await pair.fresh.runOn(
        pair.fresh.brokers[0] ?? "",
        "rabbitmqctl -q list_queues --no-table-headers name messages </dev/null",
      );
      assert.doesNotMatch(left, /^batched\t[1-9]/m, "copies are left");
      assert.match(await pair.onOld("rabbitmqctl -q list_queues name"), /batched/);
    },
  );

  for (let number = 1; number <= runs; number += 1) {
    const which = runs === 1 ? "" : `, ${number} of ${runs}`;
    test(
      `clients and messages move, back, and forth again${which}`,
      { timeout: 1_200_000 },
      async (context) => {
        const run = await MigrationRun.begin({ pair, queues: queuesOfEveryKind(messagesPerSecond), context });
        const gaps = [await run.move("forth"), await run.move("back"), await run.move("forth")];
        const { disorders, repeated } = await run.end();
        assert.deepEqual(disorders, []);
        // What was sent before the clients started is published once, whatever cuts them off.
        assert.ok(!repeated.includes(backlogName(streamName)), "what a stream held came twice");
        assert.ok(Math.max(...gaps) < gapLimitSeconds, `${gaps.join(", ")} s without a confirm`);
      },
    );
  }

  test("the next up of the old stack leaves the clients where they are", { timeout: 900_000 }, async () => {
    await pair.ensureMoved();
    assert.match(await old.runOrThrow("up"), /is healthy/);
    assert.ok(await pair.isMoved());
  });

  // The last one: what it changes, nothing leads back from.
  test("the end goes on where it was killed, and clients notice nothing", { timeout: 900_000 }, async () => {
    await pair.ensureMoved();
    const load = await pair.startLoad([{ name: "at-the-end", isConsumed: true, messagesPerSecond: 50 }]);
    await pair.runKilledAt(/is stopped/, "--finish");
    const back = await pair.run("--back");
    assert.notEqual(back.code, 0);
    assert.match(back.output, /--finish/, tail(back.output));
    await pair.runOrThrow("--finish");
    await pair.assertFinished();
    const { lost, disorders } = await load.stop();
    assert.deepEqual(lost, []);
    assert.deepEqual(disorders, []);
  });
}

/** @returns an expression of Erlang that writes to a stream as a client of the stream protocol with sub-entry batching does */
function compressedBatch(name: string): string {
  return `[osiris:write(amqqueue:get_pid(Q), undefined, 1, {batch, 3, 1, 30, <<"compressed">>}) || Q <- rabbit_amqqueue:list(<<"/">>), element(4, amqqueue:get_name(Q)) =:= <<"${name}">>].`;
}

/** Declares a queue of every kind in a virtual host of their own, with messages. @returns what removes it again */
async function declareLookedAt(pair: MigrationPair): Promise<() => Promise<void>> {
  await pair.onOld(`rabbitmqctl -q add_vhost ${vhost}`);
  await pair.onOld(`rabbitmqctl -q set_permissions -p ${vhost} app '.*' '.*' '.*'`);
  // The stack's own, which its brokers would add by themselves some seconds later.
  const mirrors = '{"ha-mode":"all","ha-sync-mode":"automatic"}';
  await pair.onOld(`rabbitmqctl -q set_policy -p ${vhost} --apply-to all ha-all '^' '${mirrors}'`);
  const connection = await pair.old.connect(`${pair.appUri}/${vhost}`);
  const channel = await connection.createConfirmChannel();
  for (const [name, { durable = true, autoDelete = false, arguments: given = {} }] of Object.entries(
    lookedAt,
  )) {
    await channel.assertQueue(name, { durable, autoDelete, arguments: given });
    for (let sent = 0; sent < heldMessages; sent += 1)
      channel.sendToQueue(name, Buffer.from(`message ${sent}`), { persistent: true });
  }
  await channel.assertQueue("transient", { durable: false });
  // Exclusive: nobody else's. With a name of the broker's: its client has to make it anew.
  await channel.assertQueue("exclusive", { exclusive: true });
  await channel.assertQueue("", { exclusive: false, durable: true });
  await channel.waitForConfirms();
  await pause(statisticsMs);
  return async () => {
    await connection.close();
    await pair.onOld(`rabbitmqctl -q delete_vhost ${vhost}`);
  };
}

/** @returns all that a look could change: definitions, messages, files of the hosts, and files on this computer */
async function everything({ old, fresh }: MigrationPair): Promise<Readonly<Record<string, unknown>>> {
  const found: Record<string, unknown> = {};
  for (const stack of [old, fresh]) {
    const [first = ""] = stack.brokers;
    const exported = await stack.runOn(first, "rabbitmqctl -q export_definitions - </dev/null");
    found[`definitions of ${stack.stack}`] = sorted(JSON.parse(exported));
    found[`messages of ${stack.stack}`] = await stack.runOn(
      first,
      "for v in $(rabbitmqctl -q list_vhosts --no-table-headers </dev/null); do echo $v; rabbitmqctl -q list_queues -p $v --no-table-headers name messages consumers </dev/null | sort; done",
    );
    for (const host of stack.hosts)
      found[`files of ${host}`] = await stack.runOn(
        host,
        "find /etc /opt /usr/local /root /home /var/lib/rabbitmq-ha -xdev -type f -exec sha256sum {} + 2>/dev/null | sort -k 2",
      );
    found[`file of ${stack.stack}`] = await readFile(join(root, `Pulumi.${stack.stack}.yaml`), "utf8");
  }
  const state = fileURLToPath(String(old.env["PULUMI_BACKEND_URL"]).replace(/\?.*$/, ""));
  for (const entry of await readdir(state, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    found[path] = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  }
  return found;
}

/** @returns the same with each list in an order of its own, since brokers give them in any */
function sorted(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map(sorted).sort((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other)));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, each]) => [key, sorted(each)] as const)
      .sort(([one], [other]) => one.localeCompare(other)),
  );
}
