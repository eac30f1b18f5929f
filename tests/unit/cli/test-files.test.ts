/** Which arguments `npm test` and `npm run check` take as files, as flags, and as mistakes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { UserError } from "../../../user-error.ts";
import { needsHosts, needsOf, listTestFiles, runsAlone, selectTests } from "../../../cli/test-files.ts";

const killed = "tests/e2e/killed.test.ts";

test("files and flags are separated in any order", () => {
  assert.deepEqual(selectTests([], true), { files: [], flags: [] });
  assert.deepEqual(selectTests([killed], true), { files: [killed], flags: [] });
  const flags = ["--test-name-pattern", "the CLI", "--test-only", "--test-skip-pattern=lock"];
  assert.deepEqual(selectTests(flags, true), { files: [], flags });
  assert.deepEqual(selectTests([...flags, killed], true), { files: [killed], flags });
  assert.deepEqual(selectTests([killed, ...flags], true), { files: [killed], flags });
});

test("a file is found by its absolute path, and by one that starts with ./", () => {
  const path = new URL("../../e2e/killed.test.ts", import.meta.url).pathname;
  assert.deepEqual(selectTests([path, `./${killed}`], true).files, [killed, killed]);
});

test("anything but a test file is refused with a line that says what to write instead", () => {
  for (const [name, words] of [
    [
      "tests/e2e/kiled.test.ts",
      "there is no tests/e2e/kiled.test.ts; did you mean tests/e2e/killed.test.ts?",
    ],
    ["killed", "there is no killed; write tests/e2e/killed.test.ts"],
    ["killed.test.ts", "there is no killed.test.ts; write tests/e2e/killed.test.ts"],
    ["tests/e2e", "tests/e2e is a folder; write its files, such as tests/e2e/*.test.ts"],
    ["README.md", "there is no README.md; write one of tests/*/*.test.ts, such as tests/e2e/killed.test.ts"],
  ] as const) {
    assert.throws(() => selectTests([killed, name], true), new UserError(words));
  }
  assert.throws(() => selectTests(["a", "b"], true), /there is no a; .*\nthere is no b; /);
});

test("npm run check refuses a file that needs hosts, and names the command that has them", () => {
  const words = `${killed} needs lab hosts, which npm run check does not have; write npm test -- ${killed}`;
  assert.throws(() => selectTests([killed], false), new UserError(words));
  const run = "tests/unit/templates/run.test.ts";
  assert.deepEqual(selectTests([run], false).files, [run]);
});

test("only the tests of three folders need hosts", () => {
  assert.ok(listTestFiles("e2e").includes(killed));
  assert.ok(needsHosts(killed) && needsHosts("tests/operations/scale.test.ts"));
  assert.ok(!needsHosts("tests/unit/templates/run.test.ts") && !needsHosts("tests/engine/login.test.ts"));
});

test("a file that opens a browser or installs a client in Python needs their packages, also when it runs alone", () => {
  assert.deepEqual(needsOf("tests/e2e/tls.test.ts").sort(), ["browser", "lab", "python"]);
  assert.deepEqual(needsOf("tests/e2e/browser.test.ts").sort(), ["browser", "lab"]);
  assert.deepEqual(needsOf("tests/platforms/aws-move.test.ts").sort(), ["lab", "python"]);
  assert.deepEqual(needsOf(killed), ["lab"]);
  assert.deepEqual(needsOf("tests/unit/templates/run.test.ts"), ["checks"]);
});

test("a file that measures for how long clients are without service runs alone", () => {
  const alone = listTestFiles("e2e").filter(runsAlone);
  const names = ["chaos-4.3", "chaos", "migrate", "tls"];
  assert.deepEqual(
    alone,
    names.map((name) => `tests/e2e/${name}.test.ts`),
  );
  assert.ok(runsAlone("tests/operations/rolling.test.ts") && runsAlone("tests/operations/rotation.test.ts"));
  assert.ok(runsAlone("tests/platforms/operations-on-4.3.test.ts"));
  assert.ok(runsAlone("tests/platforms/migrate-to-4.0.test.ts"));
});

test("files that run two at a time share no lab", () => {
  for (const folder of ["e2e", "operations", "platforms"]) {
    const labs = listTestFiles(folder)
      .filter((file) => !runsAlone(file))
      .map((file) => readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8"))
      .filter((text) => /new \w+Stack\(/.test(text))
      .map((text) => /name: "(\w+)", (?:net: |subnet: "192\.168\.)(\d+)/.exec(text) ?? assert.fail(text));
    for (const part of [1, 2]) {
      const values = labs.map((lab) => lab[part]);
      assert.equal(new Set(values).size, values.length, values.join(" "));
    }
  }
});
