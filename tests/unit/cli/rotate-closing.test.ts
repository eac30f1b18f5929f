/** Whose connections the end of an administrator's rotation may close: its host knows whom the stack has made. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { closingUsers } from "../../../cli/rotate/closing.ts";
import type { Rotated } from "../../../cli/rotate/plan.ts";
import type { Login } from "../../../verify/outputs.ts";
import { newKey } from "../../engine/ssh-keys.ts";
import { SshServer } from "../../engine/ssh-server.ts";

const key = newKey();
const servers: SshServer[] = [];
after(async () => {
  for (const server of servers) await server.stop();
});

async function system(forcedCommand: string) {
  const server = await SshServer.start({ keys: [key.public], forcedCommand });
  servers.push(server);
  const { public: hostKey } = server.hostKey;
  const login: Login = {
    name: "mq1",
    host: "127.0.0.1",
    port: server.port,
    user: "root",
    privateKey: key.private,
    hostKey,
  };
  return { brokers: [{ name: "mq1" }], ssh: [login] };
}

const plan = { users: ["admin-3"], isWritten: true };

test("after an end that stopped half-way, the former administrators are those that the host has noted", async () => {
  const admin: Rotated = { kind: "administrator", name: "admin", users: ["admin-3"] };
  const noted = await system("printf 'admin-2\\nadmin-3\\n'");
  assert.deepEqual(await closingUsers(noted, admin, plan, []), ["admin-2"]);
  assert.deepEqual(await closingUsers(noted, admin, plan, ["admin-1", "admin-2"]), ["admin-1", "admin-2"]);
  await assert.rejects(
    closingUsers(await system("exit 1"), admin, plan, []),
    /nothing was changed: mq1 does not say which administrators the stack has made: /,
  );
});

test("a user of the definitions leaves by itself, and no host is asked", async () => {
  const orders: Rotated = { kind: "user", name: "orders", users: ["orders-2"] };
  assert.deepEqual(await closingUsers({ brokers: [], ssh: [] }, orders, plan, ["orders"]), ["orders"]);
});
