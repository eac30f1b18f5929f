/** A host that lets in after nobody waits for it any more, or never: the connection ends, so that the process can. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { test } from "node:test";
import ssh2 from "ssh2";
import { makePrivateKey } from "../../../platforms/ssh-keys.ts";
import { runOn } from "../../../remote/ssh.ts";

const key = makePrivateKey("late");

/** Waits for a short while for a command on this host. @param ended once the host has seen the end of the connection */
async function giveUp(host: Server | ssh2.Server, ended: Promise<unknown>): Promise<void> {
  host.listen(0, "127.0.0.1");
  await once(host, "listening");
  const { port } = host.address() as AddressInfo;
  const login = { host: "127.0.0.1", port, user: "root", privateKey: key };
  const signal = AbortSignal.timeout(200);
  await assert.rejects(runOn(login, { command: "true", signal }), /no longer waited for/);
  await ended;
  host.close();
}

test("a log-in that comes too late is ended", { timeout: 30_000 }, async () => {
  const ended = Promise.withResolvers<undefined>();
  const server = new ssh2.Server({ hostKeys: [key] }, (client) => {
    client.on("authentication", (attempt) => {
      const late = setTimeout(() => attempt.accept(), 1000);
      client.on("close", () => clearTimeout(late));
    });
    client.on("close", () => ended.resolve(undefined));
    client.on("error", () => undefined);
  });
  await giveUp(server, ended.promise);
});

test("a log-in to a host that says nothing is ended at once", { timeout: 8000 }, async () => {
  const ended = Promise.withResolvers<undefined>();
  const server = createServer((socket) => {
    socket.on("close", () => ended.resolve(undefined)).resume();
  });
  await giveUp(server, ended.promise);
});
