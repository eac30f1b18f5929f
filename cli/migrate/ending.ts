/** The two clusters of a migration, as `finish` asks and changes them. */
import { readFenced } from "../../migration/broker-answers.ts";
import { emptyQuestion } from "../../migration/fence.ts";
import type { FinishClusters } from "../../migration/finish.ts";
import type { Fenced, Note } from "../../migration/move.ts";
import { runOn } from "../../remote/ssh.ts";
import { reasonOf } from "../../verify/cause.ts";
import { findLogin } from "../../verify/checks/hosts.ts";
import { buildRootCommand } from "../root-command.ts";
import { type ClusterPair, removeTraces } from "./cluster-pair.ts";
import { report } from "./report.ts";
import { StackNotes } from "./stack-notes.ts";

/** For all queues to be empty. */
const emptySeconds = 40;
/** To stop one broker. */
const stopSeconds = 120;

export class Ending implements FinishClusters {
  readonly #pair: ClusterPair;
  readonly #notes: StackNotes;

  constructor(pair: ClusterPair) {
    this.#pair = pair;
    this.#notes = new StackNotes(pair);
  }

  async readNote(): Promise<Note | undefined> {
    return this.#notes.read();
  }

  async awaitEmpty(): Promise<Fenced> {
    return this.#pair.old.ask(emptyQuestion, readFenced, emptySeconds);
  }

  async removeTracesFromOld(): Promise<void> {
    await removeTraces(this.#pair.old);
    await this.#notes.removeFrom(this.#pair.old);
  }

  async noteStopping(): Promise<void> {
    await this.#notes.writeToNew({ direction: "forth", phase: "stopping" });
  }

  async stopOld(): Promise<ReadonlyMap<string, string>> {
    const { system } = this.#pair.old;
    const failures = new Map<string, string>();
    for (const { name } of system.brokers) {
      const login = findLogin(system, name);
      const command = buildRootCommand(login, "systemctl disable --now rabbitmq-ha-watch rabbitmq-server");
      try {
        await runOn(login, { command, timeoutSeconds: stopSeconds });
        report(`${name} is stopped`);
      } catch (error) {
        failures.set(name, reasonOf(error));
      }
    }
    return failures;
  }

  async removeTracesFromNew(): Promise<void> {
    await removeTraces(this.#pair.fresh);
    await this.#notes.removeFrom(this.#pair.fresh);
  }
}
