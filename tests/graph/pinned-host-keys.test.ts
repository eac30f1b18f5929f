/** Host keys in the real engine: pinned at the first contact, kept in the state, renewed only on demand. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ScratchStack, scratchStackName, type CliResult } from "../support/engine.ts";
import { fingerprint } from "../../platforms/ssh-keys.ts";
import { newKey } from "../engine/ssh-keys.ts";
import { SshServer } from "../engine/ssh-server.ts";

const key = newKey();
const stack = ["--stack", scratchStackName];
const variable = "RABBITMQ_HA_NEW_HOST_KEYS";
let opened: ScratchStack;
let server: SshServer;

/** @returns the stack's file: machines behind a bastion that forwards nothing, so that no `up` gets beyond the precheck */
function stackFile(port: number, keyFile: string): string {
  const broker = (number: number): string => `{ name: mq${number}, address: 192.168.87.${number} }`;
  return [
    ...[
      "config:",
      "  rabbitmq-ha:platform: existing",
      "  rabbitmq-ha:os: debian-12",
      "  rabbitmq-ha:brokers:",
    ],
    ...[1, 2, 3].map((number) => `    - ${broker(number)}`),
    `  rabbitmq-ha:balancers: [${broker(4)}, ${broker(5)}]`,
    "  rabbitmq-ha:virtualAddress: 192.168.87.100",
    `  rabbitmq-ha:existing: { privateKeyFile: ${keyFile}, bastion: { host: 127.0.0.1, port: ${port} } }`,
    "",
  ].join("\n");
}

before(async () => {
  server = await SshServer.start({ keys: [key.public], allowsForwarding: false });
  const keyFile = join(server.folder, "key");
  await writeFile(keyFile, key.private, { mode: 0o600 });
  opened = await ScratchStack.open();
  await opened.configure(() => stackFile(server.port, keyFile));
});
after(async () => {
  await opened.close();
  await server.stop();
});

async function run(...args: readonly string[]): Promise<string> {
  const { stdout, stderr }: CliResult = await opened.pulumi(...args, ...stack);
  return stdout + stderr;
}

const update = ["up", "--yes", "--skip-preview"];
const contact = (): string => `the bastion (127.0.0.1): host key ${fingerprint(server.hostKey.public)}`;

function assertSays(text: string, words: string): void {
  assert.ok(text.includes(words), `${words}\n\nis not in\n\n${text}`);
}

test("pinned by the first up, not by a preview; another key is refused until it is pinned on demand", async () => {
  assertSays(await run("preview"), `${contact()} will be pinned by up at first contact`);
  assertSays(await run(...update), `${contact()} pinned at first contact`);

  const former = fingerprint(server.hostKey.public);
  server.changeHostKey();
  assertSays(
    await run(...update),
    `the bastion (127.0.0.1): shows the host key ${fingerprint(server.hostKey.public)}, and ${former} is pinned; ` +
      `if the new key is right, pin it: npm run up -- --new-host-key 127.0.0.1 --stack ${scratchStackName}`,
  );

  opened.setVariable(variable, "127.0.0.1");
  assertSays(await run(...update), `${contact()} pinned in place of the former one`);
  opened.setVariable(variable, "");
  const last = await run(...update);
  assert.ok(!last.includes(contact()) && !last.includes("is pinned"), last);
});
