/** One of the two clusters of a migration: asks whichever of its brokers answers. */
import { UserError } from "../../user-error.ts";
import { reasonOf } from "../../verify/cause.ts";
import { brokerLogins } from "../../verify/checks/hosts.ts";
import type { Login, System } from "../../verify/outputs.ts";
import { askJson, giveDefinitions, startQuestion, type StartedQuestion } from "../backup/broker.ts";
import { definitionsOf, type Entry } from "../../definitions/exported-definitions.ts";

const askSeconds = 20;
/** How many questions a cluster is asked while clients wait, if all goes well. */
const urgentQuestions = 3;
/** The RabbitMQ of which definitions say that they are; what is given here is the same in all of them. */
const givenAs = "3.8.0";

export class Cluster {
  readonly stack: string;
  readonly system: System;
  /** The brokers; the one that answered last comes first. */
  #logins: Login[];
  /** Of the next questions for whose answers clients wait. */
  #started: StartedQuestion[] = [];
  #isUrgent = false;

  constructor(stack: string, system: System) {
    this.stack = stack;
    this.system = system;
    this.#logins = brokerLogins(system);
  }

  /** @returns the answer of the first broker that gives a whole one @throws Error with a line for each broker */
  async ask<T>(expression: string, read: (answer: unknown) => T, seconds = askSeconds): Promise<T> {
    return this.#onAny(async (login) => read(await askJson(login, expression, seconds)));
  }

  /**
   * As `ask`, of a tool that runs already if clients wait. A broker that cannot be reached may evaluate the expression up to two
   * minutes later than anybody waits for its answer, so it has to be one that changes nothing then (`whileWaiting`).
   */
  async askSoon<T>(expression: string, read: (answer: unknown) => T, seconds = askSeconds): Promise<T> {
    const started = this.#takeStarted();
    if (started === undefined) return this.ask(expression, read, seconds);
    let answer: unknown;
    try {
      answer = await started.ask(expression, seconds);
    } catch {
      // It is asked again, of the others first, and so are those that come after it.
      this.#endStarted();
      this.#logins = [...this.#logins.filter((other) => other !== started.login), started.login];
      return this.ask(expression, read, seconds);
    }
    return read(answer);
  }

  #takeStarted(): StartedQuestion | undefined {
    if (!this.#isUrgent) return undefined;
    const started = this.#running().shift();
    if (this.#started.length === 0) this.startAhead();
    return started;
  }

  /** @returns those that have not ended meanwhile */
  #running(): StartedQuestion[] {
    this.#started = this.#started.filter(({ isOver }) => !isOver);
    return this.#started;
  }

  /** Starts the tools of the next questions before these are known: a start takes longer than most answers. */
  startAhead(): void {
    const [login] = this.#logins;
    while (login !== undefined && this.#running().length < urgentQuestions)
      this.#started.push(startQuestion(login));
  }

  /** Whether clients wait: then `askSoon` asks the tools that run already, and more are started once none is left. */
  setUrgent(isUrgent: boolean): void {
    this.#isUrgent = isUrgent;
    if (isUrgent) {
      this.startAhead();
      return;
    }
    this.#endStarted();
  }

  #endStarted(): void {
    for (const started of this.#started.splice(0)) started.end();
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
    throw new UserError(`the brokers of ${this.stack} refuse:\n${words.join("\n")}`);
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
    throw new UserError(`no broker of ${this.stack} answers:\n${failures.join("\n")}`);
  }
}

/** A broker's words may quote a shovel. */
function withoutUris(text: string): string {
  return text.replaceAll(/amqps?:\/\/[^\s"'>]*/g, "amqp://…");
}
