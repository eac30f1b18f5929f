/** How verify judges the answers of pages and APIs; this file runs its own HTTP server. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, before, test } from "node:test";
import { z } from "zod";
import { fetchStatsPage } from "../../../verify/checks/balancers.ts";
import { runCheck, pass } from "../../../verify/finding.ts";
import { attributeTimeouts, createClusterClient } from "../../../verify/management.ts";
import type { System } from "../../../verify/outputs.ts";

const secret = `Basic ${Buffer.from("admin:right").toString("base64")}`;
let server: Server;
let origin = "";

/** /open and /api/cluster-name need no password, all other paths do; /missing is a 404. */
before(async () => {
  server = createServer((request, response) => {
    const path = request.url ?? "";
    const open = path.startsWith("/open") || path === "/api/cluster-name";
    if (path.startsWith("/missing")) response.statusCode = 404;
    else if (!open && request.headers.authorization !== secret) response.statusCode = 401;
    response.end(path === "/api/cluster-name" ? '{"name":"c"}' : '"text"');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}`;
});
after(() => server.close());

/** A broker that refuses connections: the server listens on 127.0.0.1 only. */
const refusing = () => ({ name: "cent121", address: "", url: origin.replace("127.0.0.1", "127.0.0.2") });
const system = (over: Partial<System>): System =>
  ({
    brokers: [{ ...refusing(), name: "cent120", url: origin }, refusing()],
    adminUser: "admin",
    ...over,
  }) as System;
const page = (path: string, over: Partial<System> = {}): Promise<string> =>
  fetchStatsPage({ name: "cent123", address: "", url: origin + path }, system(over));

test("a statistics page is read without a password, and with the stack's password", async () => {
  assert.equal(await page("/open"), '"text"');
  assert.equal(await page("/closed", { statsPassword: "right" }), '"text"');
});

test("a statistics page that requires another password is reported with the resource to re-run", async () => {
  const refusal = {
    message: /requires a password and the stack's outputs have none/,
    resourcesToRerun: ["haproxy-cent123-service"],
  };
  await assert.rejects(page("/closed"), refusal);
  await assert.rejects(page("/closed", { statsPassword: "wrong" }), /the stack's is wrong/);
  await assert.rejects(page("/missing"), /HTTP 404/);
});

test("a refused administrator and an unexpected answer are reported", async () => {
  const [api] = createClusterClient(system({ adminPassword: "wrong" })).apis;
  assert.ok(api);
  const refused = await runCheck("users", "cluster", ["other"], async () =>
    pass(await api.get("/api/x", z.string())),
  );
  assert.equal(refused.detail, "cent120 refuses the stack's user or password (HTTP 401)");
  assert.deepEqual(refused.resourcesToRerun, ["cluster-admin"]);
  await assert.rejects(api.get("/open", z.number()), /unexpected answer for \/open on cent120/);
});

test("the first broker to answer is asked; one that refuses the connection is not unresponsive", async () => {
  const cluster = createClusterClient(system({ adminPassword: "right" }));
  assert.equal((await cluster.firstToAnswer).broker.name, "cent120");
  assert.deepEqual(await cluster.unresponsive, []);
});

test("when no broker answers, the reason of the first one is reported", async () => {
  const cluster = createClusterClient(system({ brokers: [refusing()], adminPassword: "right" }));
  const onFailure = attributeTimeouts(cluster, ["x-service"]);
  const { detail, resourcesToRerun } = await runCheck("users", "cluster", onFailure, async () =>
    pass((await cluster.firstToAnswer).broker.name),
  );
  assert.match(detail, /^connection refused at 127\.0\.0\.2:\d+ \(ECONNREFUSED\)$/);
  assert.deepEqual(resourcesToRerun, ["x-service"]);
});

test("a timeout is attributed to the broker that does not respond", async () => {
  const late = new DOMException("", "TimeoutError");
  const judge = (self?: string, silent: string[] = ["cent121"]) =>
    attributeTimeouts(
      { ...createClusterClient(system({})), unresponsive: Promise.resolve(silent) },
      ["x-service"],
      self,
    )(late);
  assert.deepEqual(await judge("cent120"), {
    ok: false,
    detail: "no answer in time, because cent121 does not respond",
    resourcesToRerun: ["cent121-service"],
  });
  assert.deepEqual((await judge("cent121")).resourcesToRerun, ["x-service"]);
  assert.deepEqual((await judge("cent120", [])).resourcesToRerun, []);
  assert.deepEqual((await judge(undefined, [])).resourcesToRerun, ["x-service"]);
});
