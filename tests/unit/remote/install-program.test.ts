/** The script on this computer that sends the program to a host. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import type { OwnLogin } from "../../../remote/own-login.ts";
import { programBundle } from "../../../remote/program.ts";
import { newKey } from "../../engine/ssh-keys.ts";
import { SshServer } from "../../engine/ssh-server.ts";
import { root } from "../../support/dev-stack.ts";

const key = newKey();
let server: SshServer;
before(async () => {
  server = await SshServer.start({ keys: [key.public] });
});
after(() => server.stop());

async function install(command: string, login: Partial<OwnLogin["login"]> = {}) {
  const request: OwnLogin = {
    name: "cent120",
    login: {
      host: "127.0.0.1",
      port: server.port,
      user: "root",
      privateKey: key.private,
      hostKey: server.hostKey.public,
      ...login,
    },
    patience: 20,
    command,
  };
  const { exitCode, stdout, stderr } = await execa("node", ["remote/install-program.ts"], {
    cwd: root,
    input: JSON.stringify(request),
    reject: false,
  });
  assert.equal(stdout, "");
  return { exitCode, stderr };
}

test("the command reads the whole program", async () => {
  assert.deepEqual(await install("cat >received"), { exitCode: 0, stderr: "" });
  assert.equal(readFileSync(join(server.folder, "received"), "utf8"), programBundle());
});

test("a command that fails is shown with all that it said, and with the host's name", async () => {
  const { exitCode, stderr } = await install(
    "cat >/dev/null; echo no python3 >&2; echo E: no source >&2; exit 3",
  );
  assert.equal(exitCode, 1);
  assert.equal(stderr, "cent120 (127.0.0.1): the program could not be installed: no python3\nE: no source");
});

test("a host that shows another key, or is not reached, is named without a stack trace", async () => {
  const shown = await install("cat >received", { hostKey: newKey().public });
  assert.deepEqual(shown, {
    exitCode: 1,
    stderr: `cent120 (127.0.0.1): the program could not be installed: 127.0.0.1:${server.port} shows another host key than the pinned one`,
  });
  const { exitCode, stderr } = await install("cat >received", { port: 1 });
  assert.equal(exitCode, 1);
  assert.match(stderr, /^cent120 \(127\.0\.0\.1\): the program could not be installed: .*ECONNREFUSED.*$/);
});
