/** Definitions: two steps and an undo, after the administrator and the policy; secrets apart from the rest. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { devConfig } from "../support/dev-stack.ts";
import { runProgram, secretText, unwrapSecrets, type ProgramRun } from "../support/program.ts";

const definitions = {
  vhosts: [{ name: "shop" }],
  users: [
    { name: "app", tags: [] },
    { name: "given", tags: [] },
    { name: "old", tags: [], password_hash: "c2FsdGhhc2g=" },
  ],
  permissions: [{ user: "app", vhost: "shop", configure: "", write: ".*", read: ".*" }],
};
const steps = ["definitions-users", "definitions-set", "definitions-undo"];

function run(over: object = {}): Promise<ProgramRun> {
  return runProgram({
    config: {
      ...devConfig(),
      definitions: { ...definitions, ...over },
      userPasswords: { given: "given secret" },
    },
    secrets: ["userPasswords"],
  });
}

let given: ProgramRun;
before(async () => {
  given = await run();
});

test("a stack without definitions has no step of them, and one with them has nothing else", async () => {
  const without = await runProgram({ config: devConfig() });
  const names = ({ graph }: ProgramRun): string[] => graph.nodes.map(({ name }) => name);
  const own = names(given).filter((name) => !names(without).includes(name));
  assert.deepEqual(own.sort(), ["definitions", ...steps, "user-password-app"].sort());
});

test("the users come before the rest, and all after the administrator and the policy", () => {
  const users = given.graph.get("definitions-users").dependencies;
  for (const name of ["cluster-admin", "cluster-name", "mirror-policy-set", "cent122-restart"])
    assert.ok(users.includes(name), name);
  assert.ok(given.graph.get("definitions-set").dependencies.includes("definitions-users"));
});

test("passwords and hashes are secret, on standard input alone", () => {
  const { stdin, create } = given.graph.get("definitions-users").inputs;
  const text = secretText(stdin) ?? "";
  const password = secretText(given.graph.get("user-password-app").inputs["input"]) ?? "";
  assert.match(password, /^\w{24}$/);
  assert.deepEqual(text.split("\n"), [
    `user {"name":"app","password":"${password}","generated":true}`,
    'user {"name":"given","password":"given secret","generated":false}',
    'user {"name":"old","password_hash":"c2FsdGhhc2g=","hashing_algorithm":"rabbit_password_hashing_sha256"}',
    "end 3",
    "",
  ]);
  assert.match(String(create), / definition-users --members cent120,cent121,cent122 #/);
  for (const name of steps.slice(1)) {
    const inputs = JSON.stringify(given.graph.get(name).inputs);
    for (const secret of [password, "given secret", "c2FsdGhhc2g="])
      assert.ok(!inputs.includes(secret), name);
  }
});

test("the rest is not secret, so that a preview shows its lines, and a change of it is one of one step", async () => {
  const { stdin } = given.graph.get("definitions-set").inputs;
  assert.match(String(stdin), /^vhost .*"shop"}\nuser .*\n[^]*end 5\n$/);
  const permissions = [{ ...definitions.permissions[0], write: "^a" }];
  const other = await run({ permissions });
  assert.notEqual(other.graph.get("definitions-set").inputs["stdin"], stdin);
  assert.equal(
    other.graph.get("definitions-undo").inputs["create"],
    given.graph.get("definitions-undo").inputs["create"],
  );
  const more = await run({ remove: ["queue a of /"] });
  assert.match(String(more.graph.get("definitions-set").inputs["stdin"]), /^remove "queue a of \/"$/m);
});

test("the outputs have the passwords that are known, as secrets", () => {
  const output = given.outputs["userPasswords"];
  assert.ok(pulumi.runtime.isRpcSecret(output));
  const passwords = unwrapSecrets(output) as Record<string, string>;
  assert.deepEqual(Object.keys(passwords), ["app", "given"]);
});

test("the undo is deleted after the steps, so that a cut between them can be taken back", () => {
  given.graph.assertPrecedes(["definitions-undo"], steps.slice(0, 2));
});

test("only the undo has one, so that a repair can repeat the steps", () => {
  for (const name of steps.slice(0, 2)) assert.equal(given.graph.get(name).inputs["delete"], undefined);
  assert.match(
    String(given.graph.get("definitions-undo").inputs["delete"]),
    / definitions --members cent120,cent121,cent122 --administrators admin --policy ha-all --clear/,
  );
});
