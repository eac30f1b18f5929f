/** What verify makes of the answers of pages and APIs, asked of a server of its own. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, before, test } from "node:test";
import { z } from "zod";
import { statsPage } from "../../../verify/balancers.ts";
import { look, whole } from "../../../verify/finding.ts";
import { blameSilent, clusterOf } from "../../../verify/management.ts";
import type { System } from "../../../verify/outputs.ts";

const secret = `Basic ${Buffer.from("admin:right").toString("base64")}`;
let server: Server;
let origin = "";

/** Open: /open and /api/cluster-name; with a password: all else. */
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

/** Refuses, as nobody listens there: the server has 127.0.0.1 only. */
const refusing = () => ({ name: "cent121", address: "", url: origin.replace("127.0.0.1", "127.0.0.2") });
const system = (over: Partial<System>): System =>
  ({
    brokers: [{ ...refusing(), name: "cent120", url: origin }, refusing()],
    adminUser: "admin",
    ...over,
  }) as System;
const page = (path: string, over: Partial<System> = {}): Promise<string> =>
  statsPage({ name: "cent123", address: "", url: origin + path }, system(over));

test("an open statistics page is read, and one with the stack's password", async () => {
  assert.equal(await page("/open"), '"text"');
  assert.equal(await page("/closed", { statsPassword: "right" }), '"text"');
});

test("says that a statistics page asks for a password, and what to run again", async () => {
  const refusal = {
    message: /asks for a password and the stack's outputs hold none/,
    rerun: ["haproxy-cent123-service"],
  };
  await assert.rejects(page("/closed"), refusal);
  await assert.rejects(page("/closed", { statsPassword: "wrong" }), /it is not the stack's/);
  await assert.rejects(page("/missing"), /HTTP 404/);
});

test("says that an administrator is refused, and that an answer has another shape", async () => {
  const [api] = clusterOf(system({ adminPassword: "wrong" })).apis;
  assert.ok(api);
  const refused = await look("users", "cluster", ["other"], async () =>
    whole(await api.get("/api/x", z.string())),
  );
  assert.equal(refused.detail, "cent120 refuses the stack's user or password (HTTP 401)");
  assert.deepEqual(refused.rerun, ["cluster-admin"]);
  await assert.rejects(api.get("/open", z.number()), /an answer of another shape for \/open on cent120/);
});

test("asks whoever answers; a broker that refuses is not silent", async () => {
  const cluster = clusterOf(system({ adminPassword: "right" }));
  assert.equal((await cluster.any).broker.name, "cent120");
  assert.deepEqual(await cluster.silent, []);
});

test("where nobody answers, the first one's cause is told", async () => {
  const cluster = clusterOf(system({ brokers: [refusing()], adminPassword: "right" }));
  const blame = blameSilent(cluster, ["x-service"]);
  const { detail, rerun } = await look("users", "cluster", blame, async () =>
    whole((await cluster.any).broker.name),
  );
  assert.match(detail, /^connection refused at 127\.0\.0\.2:\d+ \(ECONNREFUSED\)$/);
  assert.deepEqual(rerun, ["x-service"]);
});

test("an answer that is late because of a silent broker is that one's fault", async () => {
  const late = new DOMException("", "TimeoutError");
  const judge = (self?: string, silent: string[] = ["cent121"]) =>
    blameSilent({ ...clusterOf(system({})), silent: Promise.resolve(silent) }, ["x-service"], self)(late);
  assert.deepEqual(await judge("cent120"), {
    whole: false,
    detail: "no answer in time, while cent121 keeps silent",
    rerun: ["cent121-service"],
  });
  assert.deepEqual((await judge("cent121")).rerun, ["x-service"]);
  assert.deepEqual((await judge("cent120", [])).rerun, []);
  assert.deepEqual((await judge(undefined, [])).rerun, ["x-service"]);
});
