/** The repository of the brokers' packages in the graph: only on the brokers, and before their packages. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { existingConfig } from "../support/command-texts.ts";
import { runProgram, type ProgramRun } from "../support/program.ts";

const brokers = ["cent120", "cent121", "cent122"];

function run(os: string, rabbitmq: object): Promise<ProgramRun> {
  const config = { ...existingConfig(), os, packages: { rabbitmq } };
  return runProgram({ config, secrets: ["sshPrivateKey"], stack: "prod" });
}

test("the key, the sources and the pin precede the packages, of which the series is stated", async () => {
  const { graph } = await run("debian-13", { repository: "team-rabbitmq", series: "4.2" });
  for (const broker of brokers) {
    graph.assertPrecedes([`${broker}-repository-key`], [`${broker}-repository`, `${broker}-repository-pin`]);
    graph.assertPrecedes([`${broker}-repository`, `${broker}-repository-pin`], [`${broker}-packages`]);
    assert.match(String(graph.get(`${broker}-packages`).inputs["create"]), /rabbitmq-server=4\.2\.\*/);
    const key = String(graph.get(`${broker}-repository-key`).inputs["create"]);
    assert.match(key, /--fingerprint '?0A9AF2115F4687BD29803A206B73A36E6026DFCA/);
  }
  const names = graph.nodes.map(({ name }) => name).filter((name) => name.includes("-repository"));
  assert.equal(names.length, 3 * brokers.length);
});

test("a trusted repository needs no key, and the default on Rocky stays as it was", async () => {
  const flat = { repository: "file:///srv/rmq", flat: true, trusted: true, series: "4.3" };
  const { graph } = await run("debian-13", flat);
  assert.ok(!graph.nodes.some(({ name }) => name.endsWith("-repository-key")));
  assert.match(
    String(graph.get("cent120-repository").inputs["stdin"]),
    /^deb \[trusted=yes\] file:\/\/\/srv\/rmq \.\/$/m,
  );
  const rocky = await run("rocky-9", {});
  assert.match(
    String(rocky.graph.get("cent120-packages").inputs["create"]),
    /--names erlang,rabbitmq-server[ \n]/,
  );
  rocky.graph.assertPrecedes(["cent120-repository"], ["cent120-packages"]);
});
