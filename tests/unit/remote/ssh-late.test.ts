/** A host that lets in after nobody waits for it any more, or never: the connection ends, so that the process can. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import ssh2 from "ssh2";
import { runOn } from "../../../remote/ssh.ts";

test("a log-in that comes too late is ended", { timeout: 30_000 }, async () => {
  const key = ssh2.utils.generateKeyPairSync("ed25519");
  const ended = Promise.withResolvers<undefined>();
  const server = new ssh2.Server({ hostKeys: [key.private] }, (client) => {
    client.on("authentication", (attempt) => {
      const late = setTimeout(() => attempt.accept(), 1000);
      client.on("close", () => clearTimeout(late));
    });
    client.on("close", () => ended.resolve(undefined));
    client.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const login = { host: "127.0.0.1", port, user: "root", privateKey: key.private };
  const signal = AbortSignal.timeout(200);
  await assert.rejects(runOn(login, { command: "true", signal }), /no longer waited for/);
  await ended.promise;
  server.close();
});

test("a log-in to a host that says nothing is ended at once", { timeout: 8000 }, async () => {
  const key = ssh2.utils.generateKeyPairSync("ed25519");
  const ended = Promise.withResolvers<undefined>();
  const server = createServer((socket) => {
    socket.on("close", () => ended.resolve(undefined)).resume();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const login = { host: "127.0.0.1", port, user: "root", privateKey: key.private };
  const signal = AbortSignal.timeout(200);
  await assert.rejects(runOn(login, { command: "true", signal }), /no longer waited for/);
  await ended.promise;
  server.close();
});
