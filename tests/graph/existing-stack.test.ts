/** Existing machines as the program registers them: how they are reached, and what destroy leaves. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { loginsAtOnce } from "../../platforms/existing/precheck/sshd-limits.ts";
import { connectionsOfUp } from "../../platforms/existing/precheck/surroundings.ts";
import { existingConfig } from "../support/command-texts.ts";
import {
  checkInstallations,
  checkReadiness,
  concernedHost,
  hostOf,
  hosts,
  mostAtOnce,
  remoteCommand,
} from "../support/graph-facts.ts";
import {
  unwrapSecrets,
  runProgram,
  secretText,
  type RegisteredResource,
  type ProgramRun,
} from "../support/program.ts";

let run: ProgramRun;
before(async () => {
  run = await runProgram({ config: existingConfig(), secrets: ["sshPrivateKey"], stack: "prod" });
});

/** @returns the commands on the machines, of which every machine has some */
function remote(): RegisteredResource[] {
  const commands = run.graph.ofType(remoteCommand);
  assert.deepEqual([...new Set(commands.map(({ name }) => hostOf(name)))].sort(), hosts);
  return commands;
}

test("verify and --force-boot know the id in the machines' marks", () => {
  const { create } = run.graph.get("cent120-owner").inputs;
  const [, id] = /--stack-id (\S+) /.exec(String(create)) ?? [];
  const logins = unwrapSecrets(run.outputs["ssh"]) as { readonly name: string; readonly stackId: string }[];
  assert.equal(logins.length, 5);
  assert.deepEqual(new Set(logins.map(({ stackId }) => stackId)), new Set([id]));
});

test("only what is set up on the machines is registered", () => {
  assert.deepEqual(
    run.graph
      .ofType("command:local:Command")
      .map(({ name }) => name)
      .sort(),
    hosts.flatMap((host) => [`${host}-machine`, `${host}-program`]),
  );
  assert.deepEqual(
    run.graph
      .ofType("pulumi:index:Stash")
      .map(({ name }) => name)
      .sort(),
    [
      ...["admin-password", "erlang-cookie"],
      // Those of cent120 and the bastion are in the stack's file.
      ...hosts.slice(1).map((host) => `host-key-${host.replace("cent", "192.168.56.")}`),
      "stack-id",
    ],
  );
});

test("every machine is reached as the user, through the bastion, with the host key of the stack's file or the first contact", () => {
  for (const { name, inputs } of remote()) {
    const host = hostOf(name);
    const { hostKey, privateKey, proxy, ...way } = unwrapSecrets(inputs["connection"]) as Record<
      string,
      unknown
    >;
    assert.deepEqual(
      [way["host"], way["user"], way["port"]],
      [host.replace("cent", "192.168.56."), "operator", 22],
      name,
    );
    const address = host.replace("cent", "192.168.56.");
    assert.match(String(hostKey), host === "cent120" ? /^ecdsa-/ : /^ssh-ed25519 key-of-/, name);
    if (host !== "cent120") assert.equal(hostKey, `ssh-ed25519 key-of-${address}`, name);
    const { hostKey: jump, ...bastion } = proxy as Record<string, unknown>;
    assert.equal(typeof jump, "string");
    assert.equal(bastion["privateKey"], privateKey, name);
    assert.deepEqual([bastion["host"], bastion["user"], bastion["port"]], ["jump", "root", 2222], name);
  }
});

test("what runs on a machine runs as root, by sudo", () => {
  const checked = new Set<string>();
  for (const { name, inputs } of remote()) {
    for (const field of ["create", "delete"]) {
      const text = inputs[field];
      // A resource with an undo does nothing else.
      if (typeof text !== "string" || text === "true") continue;
      assert.match(text, /^sudo -n (flock|\/usr\/local\/bin\/rabbitmq-ha) /m, `${name}, ${field}`);
      checked.add(`${hostOf(name)}, ${field}`);
    }
  }
  for (const host of hosts) assert.ok(checked.has(`${host}, create`), host);
  for (const host of ["cent120", "cent121"]) assert.ok(checked.has(`${host}, delete`), host);
});

test("a replaced machine is set up again; all its resources are deleted with it", () => {
  for (const { name, inputs, deletedWith } of remote()) {
    const [identity] = inputs["triggers"] as unknown[];
    assert.equal(identity, `id-of-${concernedHost(name)}`, name);
    assert.equal(deletedWith, `${hostOf(name)}-machine`, name);
  }
});

test("every step depends directly on its host being ready, by which up --repair leaves out hosts that are not reached", () => {
  checkReadiness(run.graph);
});

test("the program is sent by the steps' own log-in, as a secret", () => {
  checkInstallations(run.graph);
});

test("a machine's clean-up has its log-in, as a secret", () => {
  for (const host of hosts) {
    const { inputs, deleteBeforeReplace } = run.graph.get(`${host}-machine`);
    assert.ok(deleteBeforeReplace);
    assert.equal(inputs["delete"], "exec node ssh/errand.ts");
    const cleanUp = JSON.parse(secretText(inputs["stdin"]) ?? "") as Record<string, unknown>;
    assert.equal(cleanUp["name"], host);
    const role = host < "cent123" ? "broker" : "balancer";
    assert.match(
      String(cleanUp["command"]),
      new RegExp(
        `^sudo -n sh -c .(.|\\n)*rabbitmq-ha clean-up --role ${role} --stack-id \\S+ --host ${host}\\n`,
      ),
    );
    assert.equal(cleanUp["script"], undefined);
    assert.equal((cleanUp["login"] as Record<string, unknown>)["user"], "operator");
  }
});

test("the virtual address uses the machines' interface and prefix length", () => {
  const conf = String(run.graph.get("virtual-address-cent123-config").inputs["stdin"]);
  assert.match(conf, /192\.168\.56\.100\/23 dev ens18/);
});

test("on another interface, VRRP is spoken between the balancers' addresses on it, and its firewall zone is open", async () => {
  const keepalived = { interface: "eth1" };
  const config = { ...existingConfig(), virtualAddress: "10.7.0.100", keepalived };
  const { graph } = await runProgram({ config, secrets: ["sshPrivateKey"], stack: "prod" });
  const input = (name: string, key: string): string => String(graph.get(name).inputs[key]);
  const conf = input("virtual-address-cent124-config", "stdin");
  assert.match(conf, /^ {4}interface eth1$/m);
  assert.match(conf, /unicast_src_ip 10\.7\.0\.124\n {4}unicast_peer \{\n {8}10\.7\.0\.123\n {4}\}/);
  assert.match(conf, /10\.7\.0\.100\/25 dev eth1/);
  assert.match(conf, /^global_defs \{[^}]*^ {4}vrrp_check_unicast_src$[^}]*^\}/m);
  assert.match(input("virtual-address-cent124-unit", "stdin"), /--address 10\.7\.0\.124 /);
  assert.match(input("virtual-address-cent124-holder", "create"), /--interface eth1 /);
  assert.match(input("cent124-firewall", "create"), /--interface ens18,eth1 .*,vrrp - 10\.7\.0\.123/);
  assert.doesNotMatch(input("cent124-firewall", "create"), /vrrp - 192/);
  assert.match(input("cent120-firewall", "create"), /--interface ens18 /);
});

test("the precheck knows how many connections to a host up makes, and how many at once", async () => {
  const numbers = ({ graph }: ProgramRun): readonly (readonly [number, number])[] =>
    hosts.map((host) => {
      const steps = graph
        .ofType(remoteCommand)
        .map(({ name }) => name)
        .filter((name) => hostOf(name) === host)
        .concat(`${host}-program`);
      return [steps.length, mostAtOnce(graph, steps)];
    });
  assert.equal(Math.max(...numbers(run).map(([, atOnce]) => atOnce)), loginsAtOnce);
  const config = {
    ...existingConfig(),
    tls: {},
    definitions: { vhosts: [{ name: "a" }], users: [{ name: "u" }] },
    haproxy: { avoidAlarms: true },
    rabbitmq: { pluginFiles: [{ url: "http://files/acme-1.0.ez", sha256: "a".repeat(64) }] },
  };
  const full = numbers(await runProgram({ config, secrets: ["sshPrivateKey"], stack: "prod" }));
  // The precheck's own connection, and the verification's, come on top.
  assert.ok(Math.max(...full.map(([count]) => count)) + 2 <= connectionsOfUp, JSON.stringify(full));
});
