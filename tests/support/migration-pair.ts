/** Two stacks on hosts between which clients and messages are moved, and the command that does it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { seriesNameOf } from "../../hosts/rabbitmq-series.ts";
import { findBrokerRelease } from "../../testbed/stacks/broker-releases.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { root, type ScriptResult } from "../../testbed/stacks/trial-stack.ts";
import { MigrationLoad, type QueueSpec } from "./migration-load.ts";
import { useStack } from "./trial.ts";

export interface MigrationPairArgs {
  /** The name of each stack, and the third number of its subnet. */
  readonly old: { readonly name: string; readonly net: number };
  readonly fresh: { readonly name: string; readonly net: number };
  /** The RabbitMQ of the new stack; the old one has Debian 12's. */
  readonly version: string;
}

const shovel =
  "  rabbitmq-ha:rabbitmq: { plugins: [rabbitmq_management, rabbitmq_prometheus, rabbitmq_shovel] }";
/** A command that runs for longer is killed. */
const runSeconds = 300;
const removeQueues =
  'rabbitmqctl -q eval \'[{ok, _} = rabbit_amqqueue:delete(Q, false, false, <<"test">>) || Q <- rabbit_amqqueue:list(<<"/">>)], ok.\' </dev/null';

export class MigrationPair {
  readonly old: LabStack;
  readonly fresh: LabStack;
  /** The RabbitMQ of the new stack. */
  readonly version: string;
  #load: MigrationLoad | undefined;
  #hasBeenUp = false;
  /** Whether the last command failed. */
  #hasFailed = false;

  constructor({ old, fresh, version }: MigrationPairArgs) {
    this.version = version;
    this.old = new LabStack(old);
    this.fresh = new LabStack({ ...fresh, release: findBrokerRelease(version), stateOf: this.old });
  }

  /** Opens and closes the stacks of a file of tests. */
  use(): void {
    useStack(this.old, {
      prepare: () => this.fresh.open(shovel),
      release: async () => {
        this.#load?.stopNow();
        await this.fresh.close();
      },
    });
  }

  /** Brings both stacks up, with the user of `appUri`. */
  async ensureUp(): Promise<void> {
    await Promise.all([this.old.ensureUp(), this.fresh.ensureUp(shovel)]);
    this.#hasBeenUp = true;
    await this.onOld(
      "rabbitmqctl -q list_users | grep -q '^app' || rabbitmqctl -q add_user app secret-of-app",
    );
    await this.onOld("rabbitmqctl -q set_permissions app '.*' '.*' '.*'");
  }

  /** Brings both stacks to the state before a migration: clients use the old one, and neither has a queue. */
  async ensureUnmoved(): Promise<void> {
    this.#load?.stopNow();
    // Before an `up`, which would lead the balancers to brokers that let nobody in.
    const isBack = !this.#hasBeenUp || (await this.run("--back")).code === 0;
    await this.ensureUp();
    if (!isBack) await this.runOrThrow("--back");
    await Promise.all(
      [this.old, this.fresh].map((stack) => stack.runOn(stack.brokers[0] ?? "", removeQueues)),
    );
  }

  /** Has the clients use the new stack; does nothing where an earlier test has moved them. */
  async ensureMoved(): Promise<void> {
    const isMoved = this.#hasBeenUp && (await this.isMoved().catch(() => false));
    if (!isMoved) await this.ensureUnmoved();
    // A command that failed may have left a move half-way.
    if (!isMoved || this.#hasFailed) await this.runOrThrow();
  }

  /** Starts clients at the address. */
  async startLoad(specs: readonly QueueSpec[]): Promise<MigrationLoad> {
    this.#load?.stopNow();
    this.#load = new MigrationLoad(this.appUri, specs);
    await this.#load.start();
    return this.#load;
  }

  /** Where the clients connect to, all the time. */
  get appUri(): string {
    return `amqp://app:secret-of-app@${this.old.virtualAddress}:5672`;
  }

  /** Runs a script on the first of the old brokers. @returns its standard output */
  async onOld(script: string): Promise<string> {
    return this.old.runOn(this.old.brokers[0] ?? "", `{\n${script}\n} </dev/null`);
  }

  /** Runs the command. */
  async run(...flags: readonly string[]): Promise<ScriptResult> {
    return this.runUntil(undefined, () => undefined, ...flags);
  }

  /** Runs the command. @returns its output @throws unless it ends with 0 */
  async runOrThrow(...flags: readonly string[]): Promise<string> {
    const { code, output } = await this.run(...flags);
    if (code !== 0) throw new Error(`migrate ${flags.join(" ")} ended with ${code}:\n${tail(output)}`);
    return output;
  }

  /** Kills the command, with all that it has started, once its output matches. */
  async runKilledAt(pattern: RegExp, ...flags: readonly string[]): Promise<void> {
    await this.runUntil(pattern, (pid) => process.kill(-pid, "SIGKILL"), ...flags);
  }

  /**
   * Runs the command, and does something once its output matches. The lab's own way to run a script names one stack, and
   * this command has two.
   * @param act gets the id of the command's process group
   * @throws unless the output has matched, or if what is done fails
   */
  async runUntil(
    pattern: RegExp | undefined,
    act: (pid: number) => unknown,
    ...flags: readonly string[]
  ): Promise<ScriptResult> {
    const args = ["run", "-s", "migrate", "--", "--from", this.old.stack, "--to", this.fresh.stack, ...flags];
    const child = spawn("npm", args, {
      cwd: root,
      env: this.old.env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let acting: Promise<unknown> | undefined;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        const { pid } = child;
        if (acting === undefined && pid !== undefined && pattern?.test(output) === true)
          acting = Promise.resolve(act(pid));
      });
    }
    const ended = Promise.withResolvers<number>();
    child.once("close", (code) => ended.resolve(code ?? 1));
    const timeout = new AbortController();
    void pause(runSeconds * 1000, undefined, { signal: timeout.signal }).then(
      () => child.pid !== undefined && process.kill(-child.pid, "SIGKILL"),
      () => undefined,
    );
    const code = await ended.promise;
    timeout.abort();
    this.#hasFailed = code !== 0;
    if (pattern !== undefined && acting === undefined)
      throw new Error(`the output never matched ${pattern.source}:\n${tail(output)}`);
    await acting;
    return { code, output };
  }

  /** @returns the version of the broker to which a client at the address is led */
  async versionAtAddress(): Promise<string> {
    const connection = await this.old.connect(this.appUri);
    const { version } = connection.connection.serverProperties;
    await connection.close();
    return version;
  }

  /** @returns whether a client at the address is led to the new stack */
  async isMoved(): Promise<boolean> {
    return seriesNameOf(await this.versionAtAddress()) === seriesNameOf(this.version);
  }

  /** @throws unless the migration has ended: the old brokers are stopped, and the new cluster has no note of it */
  async assertFinished(): Promise<void> {
    for (const broker of this.old.brokers)
      assert.match(
        await this.old.runOn(broker, "systemctl is-active rabbitmq-server || true"),
        /inactive|failed/,
      );
    const list = "rabbitmqctl -q list_global_parameters --no-table-headers </dev/null";
    assert.doesNotMatch(await this.fresh.runOn(this.fresh.brokers[0] ?? "", list), /rabbitmq_ha_migration/);
    assert.ok(await this.isMoved());
  }
}
