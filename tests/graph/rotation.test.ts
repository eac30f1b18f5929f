/** Rotation of users: both are valid, each by its own password, and nothing else changes. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { devConfig } from "../support/dev-stack.ts";
import { runProgram, secretText, unwrapSecrets, type ProgramRun } from "../support/program.ts";

const stashValues = {
  "lab-id": "lab",
  "admin-password": "of admin",
  "user-password-admin-2": "of admin-2",
  "user-password-orders": "of orders",
  "user-password-orders-2": "of orders-2",
};
const definitions = { users: [{ name: "orders", tags: [] }] };

function run(rotation?: object): Promise<ProgramRun> {
  return runProgram({
    config: { ...devConfig(), definitions, ...(rotation && { rotation }) },
    stashValues,
  });
}

/** What a step does; keys and cookies are generated anew for each run. */
function commandOf({ create, delete: undo, triggers }: Readonly<Record<string, unknown>>): unknown {
  return [create, undo, triggers];
}

let plain: ProgramRun;
let both: ProgramRun;
let after: ProgramRun;
before(async () => {
  plain = await run();
  both = await run({ admin: ["admin-2", "admin"], orders: ["orders-2", "orders"] });
  after = await run({ admin: ["admin-2"], orders: ["orders-2"] });
});

const command = ({ graph }: ProgramRun, name: string): string => String(graph.get(name).inputs["create"]);
const input = ({ graph }: ProgramRun, name: string): string =>
  String(unwrapSecrets(graph.get(name).inputs["stdin"]));

test("both administrators are set, each with its own password, on standard input alone", () => {
  assert.match(command(plain, "cluster-admin"), / admin --user admin #/);
  assert.equal(input(plain, "cluster-admin"), "of admin\n");
  assert.match(command(both, "cluster-admin"), / admin --user admin-2 --also admin #/);
  assert.equal(input(both, "cluster-admin"), "of admin-2\nof admin\n");
  assert.match(command(after, "cluster-admin"), / admin --user admin-2 #/);
  assert.equal(input(after, "cluster-admin"), "of admin-2\n");
});

test("the step is told whose connections it may close", async () => {
  const { graph } = await runProgram({
    config: { ...devConfig(), rotation: { admin: ["admin-2"] }, closeConnections: ["admin"] },
    stashValues,
  });
  const text = String(graph.get("cluster-admin").inputs["create"]);
  assert.match(text, / admin --user admin-2 --close-connections admin #/);
});

test("both users have their own passwords, and at the end one is left", () => {
  const users = (of: ProgramRun): string[] =>
    input(of, "definitions-users")
      .split("\n")
      .filter((line) => line.startsWith("user "))
      .map((line) => {
        const { name, password } = JSON.parse(line.slice(5)) as { name: string; password: string };
        return `${name}: ${password}`;
      });
  assert.deepEqual(users(both), ["orders-2: of orders-2", "orders: of orders"]);
  assert.deepEqual(users(after), ["orders-2: of orders-2"]);
});

test("the newest is the one of the outputs", () => {
  assert.deepEqual(both.outputs["administrators"], ["admin-2", "admin"]);
  assert.equal(both.outputs["adminUser"], "admin-2");
  assert.equal(unwrapSecrets(both.outputs["adminPassword"]), "of admin-2");
  assert.ok(pulumi.runtime.isRpcSecret(both.outputs["userPasswords"]));
  assert.deepEqual(unwrapSecrets(both.outputs["userPasswords"]), {
    "orders-2": "of orders-2",
    orders: "of orders",
  });
});

test("nothing but the steps on users changes", () => {
  const own = ["cluster-admin", "definitions-users", "definitions-set", "definitions-undo"];
  for (const { name, inputs } of plain.graph.nodes) {
    if (own.includes(name) || /password|-key$|-machine$|^erlang-cookie$/.test(name)) continue;
    assert.deepEqual(commandOf(both.graph.get(name).inputs), commandOf(inputs), name);
  }
});

test("a generated password of the new administrator is a secret", async () => {
  const { graph, outputs } = await runProgram({
    config: { ...devConfig(), rotation: { admin: ["admin-2", "admin"] } },
  });
  const password = secretText(graph.get("user-password-admin-2").inputs["input"]) ?? "";
  assert.match(password, /^\w{24}$/);
  assert.equal(secretText(outputs["adminPassword"]), password);
  assert.ok(secretText(graph.get("cluster-admin").inputs["stdin"])?.startsWith(`${password}\n`));
});

test("a given password of the new administrator is the one of userPasswords", async () => {
  const { graph, outputs } = await runProgram({
    config: {
      ...devConfig(),
      rotation: { admin: ["admin-2", "admin"] },
      userPasswords: { "admin-2": "given" },
    },
    secrets: ["userPasswords"],
  });
  assert.equal(secretText(outputs["adminPassword"]), "given");
  assert.equal(
    secretText(graph.get("cluster-admin").inputs["stdin"]),
    `given\n${secretText(graph.get("admin-password").inputs["input"]) ?? ""}\n`,
  );
  assert.ok(!graph.nodes.some(({ name }) => name.startsWith("definitions")));
});
