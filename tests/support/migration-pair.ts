/** Two stacks on hosts between which clients and messages are moved, and the command that does it. */
import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { findBrokerRelease } from "../../testbed/labs/broker-releases.ts";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { tail } from "../../testbed/labs/running-up.ts";
import { root, type ScriptResult } from "../../testbed/labs/trial-stack.ts";
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

export class MigrationPair {
  readonly old: LabStack;
  readonly fresh: LabStack;

  constructor({ old, fresh, version }: MigrationPairArgs) {
    this.old = new LabStack(old);
    this.fresh = new LabStack({ ...fresh, release: findBrokerRelease(version), stateOf: this.old });
  }

  /** Opens and closes the stacks of a file of tests. @param release ends what else the file has started */
  use(release: () => unknown): void {
    useStack(this.old, {
      prepare: () => this.fresh.open(shovel),
      release: async () => {
        await release();
        await this.fresh.close();
      },
    });
  }

  /** Brings both stacks up, with the user of `appUri`. */
  async ensureUp(): Promise<void> {
    await Promise.all([this.old.ensureUp(), this.fresh.ensureUp(shovel)]);
    await this.onOld(
      "rabbitmqctl -q list_users | grep -q '^app' || rabbitmqctl -q add_user app secret-of-app",
    );
    await this.onOld("rabbitmqctl -q set_permissions app '.*' '.*' '.*'");
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
}
