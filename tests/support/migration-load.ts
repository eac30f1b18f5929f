/** Publishers and consumers that go on while a cluster is migrated, and the record of what they got, in which order. */
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "amqplib";
import { Consumer } from "../../testbed/chaos/consumer.ts";
import { Ledger } from "../../testbed/chaos/ledger.ts";
import { Publisher } from "../../testbed/chaos/publisher.ts";

export interface QueueSpec {
  readonly name: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly isDurable?: boolean;
  /** Messages that nobody consumes before the clients start. */
  readonly backlog?: number;
  /** Whether a consumer is there all the time; otherwise one comes at the end. */
  readonly isConsumed: boolean;
  /** Of the publisher that goes on all the time; 0: none. */
  readonly messagesPerSecond: number;
}

/** A ledger that also notes whether each publisher's messages came in their order. */
class OrderedLedger extends Ledger {
  readonly #highest = new Map<string, number>();
  readonly #seen = new Set<string>();
  readonly disorders: string[] = [];
  /** The publishers of which a message came twice. */
  readonly repeated = new Set<string>();
  confirmedCount = 0;

  override confirm(publisher: string, sequence: number, at: number): void {
    super.confirm(publisher, sequence, at);
    this.confirmedCount += 1;
  }

  override receive(id: string): void {
    super.receive(id);
    const [publisher = "", sequence = ""] = id.split(/\/(?=\d+$)/);
    // What is redelivered or published again may come late; its first delivery counts.
    if (this.#seen.has(id)) {
      this.repeated.add(publisher);
      return;
    }
    this.#seen.add(id);
    const highest = this.#highest.get(publisher) ?? -1;
    if (Number(sequence) < highest) this.disorders.push(`${id} after ${highest}`);
    else this.#highest.set(publisher, Number(sequence));
  }
}

export interface LoadResult {
  readonly confirmed: number;
  readonly lost: readonly string[];
  readonly duplicates: number;
  readonly disorders: readonly string[];
  /** The publishers of which a message came twice. */
  readonly repeated: readonly string[];
}

export class MigrationLoad {
  readonly ledger: OrderedLedger;
  readonly #uri: string;
  readonly #specs: readonly QueueSpec[];
  readonly #publishers: readonly Publisher[];
  readonly #consumers: Consumer[] = [];
  readonly #done: Promise<unknown>[] = [];

  constructor(uri: string, specs: readonly QueueSpec[]) {
    this.#uri = uri;
    this.#specs = specs;
    this.ledger = new OrderedLedger(specs.flatMap(({ name }) => [name, backlogName(name)]));
    this.#publishers = specs
      .filter(({ messagesPerSecond }) => messagesPerSecond > 0)
      .map(
        ({ name, messagesPerSecond }) =>
          new Publisher({
            uri,
            heartbeatSeconds: 5,
            name,
            queue: name,
            messagesPerSecond,
            maxUnconfirmed: 50,
            ledger: this.ledger,
          }),
      );
  }

  /** Declares the queues, fills the backlogs, and starts the clients. */
  async start(): Promise<void> {
    const connection = await connect(this.#uri);
    const channel = await connection.createConfirmChannel();
    for (const { name, arguments: given = {}, isDurable = true, backlog = 0 } of this.#specs) {
      await channel.assertQueue(name, { durable: isDurable, arguments: given });
      for (let sequence = 0; sequence < backlog; sequence += 1) {
        const messageId = `${backlogName(name)}/${sequence}`;
        channel.sendToQueue(
          name,
          Buffer.alloc(256, messageId),
          { persistent: true, messageId },
          (error: unknown) => {
            if (error === null) this.ledger.confirm(backlogName(name), sequence, performance.now());
          },
        );
        if (sequence % 500 === 499) await channel.waitForConfirms();
      }
      await channel.waitForConfirms();
    }
    await connection.close();
    for (const spec of this.#specs) if (spec.isConsumed) this.#consume(spec);
    this.#done.push(...this.#publishers.map((publisher) => publisher.run()));
  }

  /** The longest time without a confirm of any publisher that goes on, in milliseconds, between two times. */
  longestGapMs(from: number, to: number): number {
    const running = this.#specs
      .filter(({ messagesPerSecond }) => messagesPerSecond > 0)
      .map(({ name }) => name);
    return this.ledger.longestGapOfMs(running, { from, to });
  }

  /** Waits until so many messages are confirmed. */
  async untilConfirmed(count: number): Promise<void> {
    while (this.ledger.confirmedCount < count) await pause(200);
  }

  /** Stops publishing, and consumes until nothing is missing. */
  async stop(timeoutSeconds = 90): Promise<LoadResult> {
    for (const publisher of this.#publishers) publisher.stop(timeoutSeconds);
    for (const spec of this.#specs) if (!spec.isConsumed) this.#consume(spec);
    const deadline = performance.now() + timeoutSeconds * 1000;
    do await pause(500);
    while (this.ledger.balance().lost.length > 0 && performance.now() < deadline);
    await pause(1000);
    for (const consumer of this.#consumers) consumer.stop();
    await Promise.all(this.#done);
    const { confirmed, lost, duplicates } = this.ledger.balance();
    const { disorders, repeated } = this.ledger;
    return { confirmed, lost, duplicates, disorders, repeated: [...repeated] };
  }

  /** Stops at once, without waiting. */
  stopNow(): void {
    for (const publisher of this.#publishers) publisher.stop(0);
    for (const consumer of this.#consumers) consumer.stop();
  }

  #consume({ name, arguments: given = {} }: QueueSpec): void {
    const consumer = new Consumer({
      uri: this.#uri,
      heartbeatSeconds: 5,
      queue: name,
      ledger: this.ledger,
      arguments: given["x-queue-type"] === "stream" ? { "x-stream-offset": "first" } : {},
    });
    this.#consumers.push(consumer);
    this.#done.push(consumer.run());
  }
}

/** @returns the publisher of what a queue holds before the clients start */
export function backlogName(queue: string): string {
  return `${queue} backlog`;
}
