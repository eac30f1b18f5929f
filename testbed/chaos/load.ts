/** Publishers and consumers that work through the virtual address, on mirrored queues and on quorum queues. */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { withConnections } from "../../verify/amqp.ts";
import { reasonOf } from "../../verify/cause.ts";
import { createClusterClient, ManagementApi } from "../../verify/management.ts";
import type { System } from "../../verify/outputs.ts";
import { Consumer } from "./consumer.ts";
import { Ledger, rangesByPublisher } from "./ledger.ts";
import { Publisher } from "./publisher.ts";

export const queueKinds = ["classic", "quorum"] as const;
/** The stack's policy mirrors `classic` queues, where there are mirrors. */
export type QueueKind = (typeof queueKinds)[number];

/** @returns the kinds of replicated queues that the system has: a classic queue without mirrors has one copy */
export function kindsOf({ queues }: Pick<System, "queues">): readonly QueueKind[] {
  return queues === "quorum" ? ["quorum"] : queueKinds;
}

/** @returns whether clients reach the system by TLS alone */
export function isByTls({ amqpUri }: Pick<System, "amqpUri">): boolean {
  return new URL(amqpUri).protocol === "amqps:";
}

export interface LoadSettings {
  /** Seconds between two heartbeats of an AMQP connection. */
  readonly heartbeatSeconds: number;
  /** Messages per second of each publisher. There is one publisher and one queue per broker and kind. */
  readonly messagesPerSecond: number;
  /** Messages that a publisher may have unconfirmed. */
  readonly maxUnconfirmed: number;
}

export const defaultLoad: LoadSettings = { heartbeatSeconds: 5, messagesPerSecond: 50, maxUnconfirmed: 20 };

/** Seconds after which a load ends by itself, whatever happens to the run. */
const maxLoadSeconds = 900;
/** Seconds to wait for the last confirms, and the same again for the queues to be empty. */
const loadTimeoutSeconds = 30;

/** @returns the description of the load for the notes below the table */
export function describeLoad(
  { heartbeatSeconds, messagesPerSecond, maxUnconfirmed }: LoadSettings,
  system: Pick<System, "brokers" | "queues" | "amqpUri">,
): string {
  const brokers = system.brokers.length;
  const where = system.queues === "quorum" ? "quorum queues" : "each kind of queue";
  const how = isByTls(system) ? " by TLS" : "";
  return (
    `${brokers} publishers and ${brokers} consumers on ${where}, a connection each through the virtual ` +
    `address${how}, ${messagesPerSecond} messages/s per publisher, at most ${maxUnconfirmed} unconfirmed; amqplib, heartbeat ${heartbeatSeconds} s`
  );
}

/** A queue's messages in the management API. */
const depthRow = z.object({
  messages_ready: z.number(),
  messages_unacknowledged: z.number(),
  consumers: z.number(),
});

const queueName = (load: string, kind: QueueKind, broker: string): string =>
  `chaos-${load}-${kind}-${broker}`;

export class Load {
  readonly kinds: readonly QueueKind[];
  readonly queues: readonly string[];
  readonly ledgers: Readonly<Record<QueueKind, Ledger>>;
  readonly #system: System;
  readonly #name: string;
  readonly #publishers: readonly Publisher[];
  readonly #consumers: readonly Consumer[];
  #clientsDone: Promise<unknown> = Promise.resolve();
  #limitTimer: NodeJS.Timeout | undefined;

  /** @param name unique to this load; part of its queues' names and so of its message ids */
  constructor(system: System, name: string, settings: LoadSettings) {
    this.#system = system;
    this.#name = name;
    this.kinds = kindsOf(system);
    const ledger = (kind: QueueKind): Ledger =>
      new Ledger(system.brokers.map((broker) => queueName(name, kind, broker.name)));
    this.ledgers = { classic: ledger("classic"), quorum: ledger("quorum") };
    const { amqpUri: uri } = system;
    const places = this.kinds.flatMap((kind) =>
      this.ledgers[kind].publishers.map((each) => ({ queue: each, ledger: this.ledgers[kind] })),
    );
    this.queues = places.map((place) => place.queue);
    this.#publishers = places.map(
      (place) => new Publisher({ ...settings, ...place, uri, name: place.queue }),
    );
    this.#consumers = places.map((place) => new Consumer({ ...settings, ...place, uri }));
  }

  /** Declares the queues and starts the clients. */
  async start(): Promise<void> {
    await this.#declareQueues();
    this.#limitTimer = setTimeout(() => {
      this.#stopClients();
    }, maxLoadSeconds * 1000);
    this.#clientsDone = Promise.all([...this.#publishers, ...this.#consumers].map((client) => client.run()));
  }

  /**
   * Stops publishing, waits until all confirmed messages are received, and deletes the queues.
   * @returns which messages are still missing, a line for each queue with what the queue says that it holds: a message
   * that is held back is not lost for good
   */
  async stop(): Promise<readonly string[]> {
    for (const publisher of this.#publishers) publisher.stop(loadTimeoutSeconds);
    const deadline = performance.now() + 2 * loadTimeoutSeconds * 1000;
    const hasMissing = (): boolean => this.kinds.some((kind) => this.ledgers[kind].balance().lost.length > 0);
    // The last confirms come with the last messages, so this waits even when no message seems to be missing.
    do await pause(500);
    while (hasMissing() && performance.now() < deadline);
    const missing = hasMissing() ? await this.#describeMissing() : [];
    this.#stopClients();
    await this.#clientsDone;
    await this.#deleteQueues().catch(() => undefined);
    return missing;
  }

  /** Stops at once, without waiting. */
  stopNow(): void {
    this.#stopClients();
  }

  #stopClients(): void {
    clearTimeout(this.#limitTimer);
    for (const publisher of this.#publishers) publisher.stop(0);
    for (const consumer of this.#consumers) consumer.stop();
  }

  /**
   * Each broker leads one queue of each kind. The management API is asked, since a broker's AMQP port may expect the
   * balancers' header, or TLS.
   */
  async #declareQueues(): Promise<void> {
    for (const broker of this.#system.brokers) {
      const api = new ManagementApi(broker, this.#system);
      for (const kind of this.kinds) await api.declareQueue(queueName(this.#name, kind, broker.name), kind);
    }
  }

  async #describeMissing(): Promise<string[]> {
    const lost = this.kinds.flatMap((kind) => this.ledgers[kind].balance().lost);
    const lines = [...rangesByPublisher(lost)].map(
      async ([queue, ranges]) => `queue ${queue}: message ${ranges}; ${await this.#describeDepth(queue)}`,
    );
    return Promise.all(lines);
  }

  async #describeDepth(queue: string): Promise<string> {
    try {
      const api = await createClusterClient(this.#system).firstToAnswer;
      const state = await api.get(`/api/queues/%2F/${queue}`, depthRow);
      return `it holds ${state.messages_ready} ready, ${state.messages_unacknowledged} unacknowledged; ${state.consumers} consumers`;
    } catch (error) {
      return `it does not say what it holds: ${reasonOf(error)}`;
    }
  }

  async #deleteQueues(): Promise<void> {
    await withConnections(this.#system.amqpUri, loadTimeoutSeconds, async (open) => {
      const channel = await (await open()).createChannel();
      for (const queue of this.queues) await channel.deleteQueue(queue);
    });
  }
}
