/** The Erlang cookie of running brokers: changed by one step, before it is in their files. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutEnd } from "../support/command-texts.ts";
import { devConfig } from "../support/dev-stack.ts";
import { runProgram, secretText } from "../support/program.ts";

const rabbitmq = devConfig()["rabbitmq"] as object;

test("without another number there is no such step", async () => {
  const { graph } = await runProgram({ config: devConfig() });
  assert.ok(graph.nodes.some(({ name }) => name === "erlang-cookie"));
  assert.ok(!graph.nodes.some(({ name }) => name === "cluster-cookie"));
});

test("another number is another cookie, which running brokers take before it is in any file", async () => {
  const { graph } = await runProgram({
    config: { ...devConfig(), rabbitmq: { ...rabbitmq, cookieRenewal: 2 } },
  });
  const cookie = secretText(graph.get("erlang-cookie-2").inputs["input"]) ?? "";
  assert.match(cookie, /^\w{40}$/);
  assert.ok(!graph.nodes.some(({ name }) => name === "erlang-cookie"));
  const { create, stdin } = graph.get("cluster-cookie").inputs;
  assert.match(String(create), / cookie --brokers cent120,cent121,cent122 --port 5672 #/);
  assert.equal(secretText(stdin), cookie);
  for (const broker of ["cent120", "cent121", "cent122"]) {
    assert.ok(graph.get(`${broker}-cookie`).dependencies.includes("cluster-cookie"));
    assert.equal(withoutEnd(secretText(graph.get(`${broker}-cookie`).inputs["stdin"]) ?? ""), cookie);
  }
});

test("a cookie of the user's own is given to running brokers in the same way", async () => {
  const { graph } = await runProgram({
    config: { ...devConfig(), rabbitmq: { ...rabbitmq, cookieRenewal: 2 }, erlangCookie: "given0123" },
    secrets: ["erlangCookie"],
  });
  assert.equal(secretText(graph.get("cluster-cookie").inputs["stdin"]), "given0123");
});
