/** Publishers and consumers at work through the virtual address, on mirrored queues and on quorum queues. */
import { setTimeout as pause } from "node:timers/promises";
import { withConnections } from "../../verify/amqp.ts";
import type { System } from "../../verify/outputs.ts";
import { Consumer } from "./consumer.ts";
import { Ledger } from "./ledger.ts";
import { Publisher } from "./publisher.ts";

export const kinds = ["classic", "quorum"] as const;
/** `classic` queues are mirrored by the stack's policy. */
export type Kind = (typeof kinds)[number];

export interface LoadSettings {
  /** Seconds between two heartbeats of an AMQP connection. */
  readonly heartbeat: number;
  /** Messages per second of each publisher. There is one publisher and one queue per broker and kind. */
  readonly rate: number;
  /** Messages of a publisher that may wait for their confirm. */
  readonly window: number;
}

export const usual: LoadSettings = { heartbeat: 5, rate: 50, window: 20 };

/** Seconds after which a load ends by itself, whatever becomes of the run. */
const limit = 900;
/** Seconds until the last confirms are there, and seconds until the queues are empty. */
const patience = 30;

/** @returns what the load is, in words for the table's foot */
export function describe({ heartbeat, rate, window }: LoadSettings, brokers: number): string {
  return (
    `${brokers} publishers and ${brokers} consumers on each kind of queue, a connection each through the virtual ` +
    `address, ${rate} messages/s per publisher, at most ${window} unconfirmed; amqplib, heartbeat ${heartbeat} s`
  );
}

export class Load {
  readonly queues: readonly string[];
  readonly ledgers: Readonly<Record<Kind, Ledger>>;
  readonly #system: System;
  readonly #publishers: readonly Publisher[];
  readonly #consumers: readonly Consumer[];
  #work: Promise<unknown> = Promise.resolve();
  #guard: NodeJS.Timeout | undefined;

  /** @param name of this load alone, the start of its queues' names and so of its messages' ids */
  constructor(system: System, name: string, settings: LoadSettings) {
    this.#system = system;
    const queue = (kind: Kind, broker: string): string => `chaos-${name}-${kind}-${broker}`;
    const names = system.brokers.map((broker) => broker.name);
    const ledger = (kind: Kind): Ledger => new Ledger(names.map((broker) => queue(kind, broker)));
    this.ledgers = { classic: ledger("classic"), quorum: ledger("quorum") };
    const { amqpUri: uri } = system;
    const places = kinds.flatMap((kind) =>
      this.ledgers[kind].publishers.map((each) => ({ queue: each, ledger: this.ledgers[kind] })),
    );
    this.queues = places.map((place) => place.queue);
    this.#publishers = places.map(
      (place) => new Publisher({ ...settings, ...place, uri, name: place.queue }),
    );
    this.#consumers = places.map((place) => new Consumer({ ...settings, ...place, uri }));
  }

  /** Declares the queues and begins. */
  async start(): Promise<void> {
    await this.#declare();
    this.#guard = setTimeout(() => {
      this.#halt();
    }, limit * 1000);
    this.#work = Promise.all([...this.#publishers, ...this.#consumers].map((client) => client.run()));
  }

  /** Ends the publishing, waits until everything confirmed was received, and deletes the queues. */
  async stop(): Promise<void> {
    for (const publisher of this.#publishers) publisher.stop(patience);
    const deadline = performance.now() + 2 * patience * 1000;
    const open = (): boolean => kinds.some((kind) => this.ledgers[kind].balance().lost.length > 0);
    // The last confirms come with the last messages: wait a moment even when nothing seems to be missing.
    do await pause(500);
    while (open() && performance.now() < deadline);
    this.#halt();
    await this.#work;
    await this.#delete().catch(() => undefined);
  }

  /** Ends at once, without waiting for anything. */
  abandon(): void {
    this.#halt();
  }

  #halt(): void {
    clearTimeout(this.#guard);
    for (const publisher of this.#publishers) publisher.stop(0);
    for (const consumer of this.#consumers) consumer.stop();
  }

  /** Each broker leads one queue of each kind, since a queue's leader is where it is declared. */
  async #declare(): Promise<void> {
    for (const { name, address } of this.#system.brokers) {
      const uri = new URL(this.#system.amqpUri);
      uri.hostname = address;
      await withConnections(uri.href, patience, async (open) => {
        const channel = await (await open()).createChannel();
        for (const kind of kinds) {
          const queue = this.ledgers[kind].publishers.find((each) => each.endsWith(`-${name}`)) ?? name;
          await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": kind } });
        }
      });
    }
  }

  async #delete(): Promise<void> {
    await withConnections(this.#system.amqpUri, patience, async (open) => {
      const channel = await (await open()).createChannel();
      for (const queue of this.queues) await channel.deleteQueue(queue);
    });
  }
}
