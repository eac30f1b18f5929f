/** What `npm test` and `npm run check` take for files, for flags, and for a mistake. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../../user-error.ts";
import { needsHosts, testFiles, wantedTests } from "../../../cli/test-files.ts";

const killed = "tests/e2e/killed.test.ts";

test("files and flags are told apart, in whatever order they stand", () => {
  assert.deepEqual(wantedTests([], true), { files: [], flags: [] });
  assert.deepEqual(wantedTests([killed], true), { files: [killed], flags: [] });
  const flags = ["--test-name-pattern", "the CLI", "--test-only", "--test-skip-pattern=lock"];
  assert.deepEqual(wantedTests(flags, true), { files: [], flags });
  assert.deepEqual(wantedTests([...flags, killed], true), { files: [killed], flags });
  assert.deepEqual(wantedTests([killed, ...flags], true), { files: [killed], flags });
});

test("a file is found by its whole path, and by one that starts with a dot", () => {
  const path = new URL("../../e2e/killed.test.ts", import.meta.url).pathname;
  assert.deepEqual(wantedTests([path, `./${killed}`], true).files, [killed, killed]);
});

test("what is no file of tests is refused in a line that says what to write instead", () => {
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
    assert.throws(() => wantedTests([killed, name], true), new UserError(words));
  }
  assert.throws(() => wantedTests(["a", "b"], true), /there is no a; .*\nthere is no b; /);
});

test("npm run check refuses what needs hosts, and names the command that has some", () => {
  const words = `${killed} needs lab hosts, and npm run check has none; write npm test -- ${killed}`;
  assert.throws(() => wantedTests([killed], false), new UserError(words));
  const run = "tests/unit/templates/run.test.ts";
  assert.deepEqual(wantedTests([run], false).files, [run]);
});

test("only the tests of three folders need hosts", () => {
  assert.ok(testFiles("e2e").includes(killed));
  assert.ok(needsHosts(killed) && needsHosts("tests/operations/scale.test.ts"));
  assert.ok(!needsHosts("tests/unit/templates/run.test.ts") && !needsHosts("tests/engine/login.test.ts"));
});
