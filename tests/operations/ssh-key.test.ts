/** Another SSH key under load: until the end both log in, no step is re-run, and what others have written stays. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { runOn, SshError } from "../../remote/ssh.ts";
import { derivePublicKey, makePrivateKey } from "../../platforms/ssh-keys.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import type { Login } from "../../verify/outputs.ts";
import { CommandLineWatch, LoginClient } from "../support/login-client.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "sk", net: 106 }), { release: () => stopAll() });
const running: { stop(): Promise<void> }[] = [];
const settings = `  rabbitmq-ha:definitions: { queues: [{ vhost: /, name: rotation }] }`;
const keyFile = "/root/.ssh/authorized_keys";

async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((each) => each.stop()));
}

afterEach(stopAll);

/** Logs in to all hosts, again and again. */
class SshClient {
  readonly errors: string[] = [];
  logins = 0;
  readonly #done: Promise<unknown>;
  #isStopping = false;

  constructor(logins: readonly Login[]) {
    this.#done = Promise.all(logins.map((login) => this.#logIn(login)));
    running.push(this);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#done;
  }

  async #logIn(login: Login): Promise<void> {
    while (!this.#isStopping) {
      try {
        await runOn(login, { command: "true", timeoutSeconds: 20 });
        this.logins += 1;
      } catch (error) {
        this.errors.push(`${login.name}: ${String(error)}`);
      }
      await pause(500);
    }
  }
}

const logins = async (): Promise<Login[]> => (await lab.output("ssh")) as Login[];
/** @returns the file of each host, byte for byte */
const files = (): Promise<string[]> =>
  Promise.all(
    lab.hosts.map(async (host) =>
      Buffer.from(await lab.runOn(host, `base64 -w 0 ${keyFile}`), "base64").toString(),
    ),
  );
const rotate = (...words: string[]) => lab.npm("rotate", "ssh-key", ...words);

async function succeed(...words: string[]): Promise<string> {
  const { code, output } = await rotate(...words);
  assert.equal(code, 0, tail(output));
  return output;
}

/** One host does not answer. */
async function withoutHost<Result>(host: string, act: () => Promise<Result>): Promise<Result> {
  await lab.runOn(host, "systemctl stop ssh");
  return act().finally(() => lab.runOn(host, "systemctl start ssh"));
}

async function refuses(words: readonly string[], pattern: RegExp): Promise<void> {
  const last = lab.hosts.at(-1) ?? "";
  const { code, output } = await withoutHost(last, () => rotate(...words));
  assert.equal(code, 1);
  assert.match(output, pattern, tail(output));
  assert.match(output, new RegExp(`^ {2}${last}: `, "m"));
}

test("both keys log in until the end, nothing is re-run, and the lines of others stay", async (context) => {
  await lab.ensureUp(settings);
  const others = `# mine\r\n\n${derivePublicKey(makePrivateKey("me"))} me@home`;
  const before = await files();
  for (const host of lab.hosts) await lab.runOn(host, `printf %s '${others}' >>${keyFile}`);
  const load = new LoginClient(String(await lab.output("amqpUri")), "load", "rotation");
  running.push(load);
  load.start();
  const old = await logins();
  const oldKey = old[0]?.privateKey ?? "";
  const watch = new CommandLineWatch();

  const preview = await succeed("--preview");
  for (const host of lab.hosts)
    assert.match(preview, new RegExp(`^${host}: a new key would be added to `, "m"));
  await refuses([], /nothing was changed/);
  assert.deepEqual(
    await files(),
    before.map((text) => text + others),
  );
  const early = await rotate("--finish");
  assert.match(early.output, /no rotation of the SSH key has begun/, tail(early.output));

  const oldClient = new SshClient(old);
  const begun = await succeed();
  const next = await logins();
  const newKey = next[0]?.privateKey ?? "";
  assert.notEqual(newKey, oldKey);
  const newClient = new SshClient(next);
  const added = `${derivePublicKey(newKey)} rabbitmq-ha\n`;
  assert.deepEqual(
    await files(),
    before.map((text) => `${text}${others}\n${added}`),
  );
  assert.ok(!(await lab.pulumi("stack", "export", "--show-secrets")).includes(secretLine(oldKey)));
  assert.match(await lab.runOrThrow("up", "--expect-no-changes"), /is healthy/);
  // The same again changes nothing.
  assert.match(await succeed(), /the former one is, too/);
  assert.equal((await logins())[0]?.privateKey, newKey);

  await refuses(["--finish"], /the former key stays valid on every host/);
  for (const login of old) await runOn(login, { command: "true" });
  await oldClient.stop();
  assert.match(await succeed("--finish", "--preview"), /would be valid no more/);
  const ended = await succeed("--finish");
  assert.deepEqual(
    await files(),
    before.map((text) => `${text.replace(`${derivePublicKey(oldKey)}\n`, "")}${others}\n${added}`),
  );
  for (const login of old)
    await assert.rejects(
      runOn(login, { command: "true" }),
      (error) => error instanceof SshError && error.reason === "key",
    );
  assert.match(await lab.runOrThrow("up", "--expect-no-changes"), /is healthy/);
  await stopAll();
  for (const client of [oldClient, newClient, load]) assert.ok(client.logins > 20, `${client.logins}`);
  // sshd was stopped on one host, for the refusals.
  const last = lab.hosts.at(-1) ?? "";
  const refused = [...oldClient.errors, ...newClient.errors].filter((line) => !line.startsWith(`${last}: `));
  assert.deepEqual([...refused, ...load.errors], []);
  const secrets = [oldKey, newKey].map(secretLine);
  assert.deepEqual(watch.stop(secrets), []);
  for (const secret of secrets) assert.ok(!(preview + begun + ended).includes(secret));
  context.diagnostic(`logins: ${oldClient.logins} old, ${newClient.logins} new, ${load.logins} AMQP`);
});

/** @returns a line of a private key that no other has */
function secretLine(privateKey: string): string {
  const line = privateKey.split("\n").at(-4) ?? "";
  assert.ok(line.length > 20);
  return line;
}
