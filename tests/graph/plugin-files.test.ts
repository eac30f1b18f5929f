/** The files of plug-ins: fetched before the plug-ins are enabled, and a change may restart the broker. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { devConfig } from "../support/dev-stack.ts";
import { brokers } from "../support/graph-facts.ts";
import { runProgram, type ProgramRun } from "../support/program.ts";

const run = (sha256: string): Promise<ProgramRun> => {
  const config = devConfig();
  const pluginFiles = [{ url: "https://example.org/acme_audit-1.0.ez", sha256 }];
  const plugins = ["rabbitmq_management", "rabbitmq_prometheus", "acme_audit"];
  const rabbitmq = { ...(config["rabbitmq"] as object), plugins, pluginFiles };
  const packages = { proxy: "http://proxy:3128" };
  return runProgram({ config: { ...config, rabbitmq, packages } });
};

let given: ProgramRun;
before(async () => {
  given = await run("a".repeat(64));
});

test("each broker fetches them before it enables plug-ins, and removes them when none is listed any more", () => {
  for (const broker of brokers) {
    const { inputs } = given.graph.get(`${broker}-plugin-files`);
    assert.match(
      String(inputs["create"]),
      / plugin-files --plugins rabbitmq_management,rabbitmq_prometheus,acme_audit --proxy http:\/\/proxy:3128 /,
    );
    assert.equal(inputs["stdin"], `${"a".repeat(64)} https://example.org/acme_audit-1.0.ez\nend\n`);
    assert.ok(given.graph.get(`${broker}-plugins`).dependencies.includes(`${broker}-plugin-files`));
    // Another machine removes none from a broker that has yet to leave, nor asks one that is gone.
    const removal = given.graph.get(`${broker}-plugin-files-removal`);
    assert.match(String(removal.inputs["delete"]), / plugin-files --remove /);
    assert.deepEqual(removal.ignoreChanges, ["triggers"]);
    given.graph.assertPrecedes([removal.name], [`${broker}-plugin-files`]);
  }
});

test("another file runs the step that restarts a broker if need be", async () => {
  const hash = ({ graph }: ProgramRun): unknown => graph.get("cent121-restart").inputs["stdin"];
  const same = hash(await run("a".repeat(64)));
  assert.equal(hash(given), same);
  assert.notEqual(hash(await run("b".repeat(64))), same);
  assert.notEqual(hash(await runProgram({ config: devConfig() })), same);
});
