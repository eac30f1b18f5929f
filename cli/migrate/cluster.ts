/** One of the two clusters of a migration: asks whichever of its brokers answers. */
import { reasonOf } from "../../verify/cause.ts";
import { brokerLogins } from "../../verify/checks/hosts.ts";
import type { Login, System } from "../../verify/outputs.ts";
import { askJson, giveDefinitions } from "../backup/broker.ts";
import { definitionsOf, type Entry } from "../../definitions/exported-definitions.ts";

const askSeconds = 20;
/** The RabbitMQ of which definitions say that they are; what is given here is the same in all of them. */
const givenAs = "3.8.0";

export class Cluster {
  readonly stack: string;
  readonly system: System;
  /** The brokers; the one that answered last comes first. */
  #logins: Login[];

  constructor(stack: string, system: System) {
    this.stack = stack;
    this.system = system;
    this.#logins = brokerLogins(system);
  }

  /** @returns the answer of the first broker that gives a whole one @throws Error with a line for each broker */
  async ask<T>(expression: string, read: (answer: unknown) => T, seconds = askSeconds): Promise<T> {
    return this.#onAny(async (login) => read(await askJson(login, expression, seconds)));
  }

  /** @throws Error unless all are made */
  async give(objects: readonly Entry[]): Promise<void> {
    const definitions = definitionsOf(objects, givenAs);
    const refusals = await this.#onAny((login) => giveDefinitions(login, definitions));
    if (refusals.length === 0) return;
    const words = refusals.map(
      ({ category, object, reason }) =>
        `  ${category} ${String(object["name"] ?? object["source"])}: ${withoutUris(reason)}`,
    );
    throw new Error(`the brokers of ${this.stack} refuse:\n${words.join("\n")}`);
  }

  async #onAny<T>(attempt: (login: Login) => Promise<T>): Promise<T> {
    const failures: string[] = [];
    for (const login of [...this.#logins]) {
      try {
        const found = await attempt(login);
        this.#logins = [login, ...this.#logins.filter((other) => other !== login)];
        return found;
      } catch (error) {
        failures.push(`  ${login.name}: ${withoutUris(reasonOf(error))}`);
      }
    }
    throw new Error(`no broker of ${this.stack} answers:\n${failures.join("\n")}`);
  }
}

/** A broker's words may quote a shovel. */
function withoutUris(text: string): string {
  return text.replaceAll(/amqps?:\/\/[^\s"'>]*/g, "amqp://…");
}
