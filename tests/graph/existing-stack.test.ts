/** Machines that are simply there, as the program registers them: how they are reached, and what is left at the end. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { existingConfig } from "../support/documents.ts";
import { aboutHost, hostOf, hosts, remoteCommand } from "../support/graph-facts.ts";
import { plain, runProgram, secretText, type Registered, type Run } from "../support/program.ts";

let run: Run;
before(async () => {
  run = await runProgram({ config: existingConfig(), secrets: ["sshPrivateKey"], stack: "prod" });
});

const remote = (): Registered[] => run.graph.ofType(remoteCommand);

test("nothing is made but what is put on the machines", () => {
  assert.deepEqual(
    run.graph.ofType("command:local:Command").map(({ name }) => name),
    hosts.map((host) => `${host}-machine`),
  );
  assert.deepEqual(
    run.graph
      .ofType("pulumi:index:Stash")
      .map(({ name }) => name)
      .sort(),
    ["admin-password", "erlang-cookie"],
  );
});

test("every machine is reached as the user, through the bastion, by the pinned key where there is one", () => {
  for (const { name, inputs } of remote()) {
    const host = hostOf(name);
    const { hostKey, privateKey, proxy, ...way } = plain(inputs["connection"]) as Record<string, unknown>;
    assert.deepEqual(
      [way["host"], way["user"], way["port"]],
      [host.replace("cent", "192.168.56."), "operator", 22],
      name,
    );
    assert.equal(typeof hostKey, host === "cent120" ? "string" : "undefined", name);
    const { hostKey: jump, ...bastion } = proxy as Record<string, unknown>;
    assert.equal(typeof jump, "string");
    assert.equal(bastion["privateKey"], privateKey, name);
    assert.deepEqual([bastion["host"], bastion["user"], bastion["port"]], ["jump", "root", 2222], name);
  }
});

test("what runs on a machine runs as root, by sudo", () => {
  for (const { name, inputs } of remote()) {
    for (const field of ["create", "delete"]) {
      const text = inputs[field];
      // A resource that is there for its undo does nothing else.
      if (typeof text !== "string" || text === "true") continue;
      assert.match(text, /^sudo -n (flock|\/usr\/local\/bin\/rabbitmq-ha) /m, `${name}, ${field}`);
    }
  }
});

test("a machine that is another one is set up anew, and goes with all that was put on it", () => {
  for (const { name, inputs, deletedWith } of remote()) {
    const [identity] = inputs["triggers"] as unknown[];
    assert.equal(identity, `id-of-${aboutHost(name)}`, name);
    assert.equal(deletedWith, `${hostOf(name)}-machine`, name);
  }
});

test("a machine's clean-up knows the way to it, as a secret", () => {
  for (const host of hosts) {
    const { inputs, deleteBeforeReplace } = run.graph.get(`${host}-machine`);
    assert.ok(deleteBeforeReplace);
    assert.equal(inputs["delete"], "exec node ssh/errand.ts");
    const errand = JSON.parse(secretText(inputs["stdin"]) ?? "") as Record<string, unknown>;
    assert.equal(errand["name"], host);
    const role = host < "cent123" ? "broker" : "balancer";
    assert.match(
      String(errand["command"]),
      new RegExp(`^sudo -n sh -c '(.|\\n)*rabbitmq-ha clean-up --role ${role}\\n`),
    );
    assert.equal(errand["script"], undefined);
    assert.equal((errand["login"] as Record<string, unknown>)["user"], "operator");
  }
});

test("the virtual address is set with the machines' own interface and prefix length", () => {
  const conf = String(run.graph.get("virtual-address-cent123-config").inputs["stdin"]);
  assert.match(conf, /192\.168\.56\.100\/23 dev ens18/);
});
