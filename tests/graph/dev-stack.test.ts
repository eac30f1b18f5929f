/** The dev stack as the program registers it: its resources, their dependencies, and its secrets. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import ssh2 from "ssh2";
import { endOfFile } from "../../hosts/file-input.ts";
import { commandText } from "../support/command-texts.ts";
import { devConfig } from "../support/dev-stack.ts";
import {
  checkInstallations,
  concernedHost,
  testGraphFacts,
  hostOf,
  hosts,
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
  run = await runProgram({ config: devConfig() });
});

testGraphFacts(() => run.graph, "dev");

const commands = (): RegisteredResource[] =>
  run.graph.nodes.filter(({ type }) => type.startsWith("command:"));
const remote = (): RegisteredResource[] => run.graph.ofType(remoteCommand);
const connectionOf = ({ inputs }: RegisteredResource): Record<string, unknown> =>
  unwrapSecrets(inputs["connection"]) as Record<string, unknown>;

test("a host is set up again when its machine is replaced", () => {
  for (const { name, inputs, propertyDependencies } of remote()) {
    // The identity is the machine's ID, which a new machine does not share.
    const [identity] = inputs["triggers"] as unknown[];
    assert.equal(identity, `${concernedHost(name)}-machine-id`, name);
    assert.deepEqual(propertyDependencies["triggers"], [`${concernedHost(name)}-machine`], name);
  }
});

test("every connection goes directly to the host, as root, and requires its pinned key", () => {
  for (const command of remote()) {
    const host = hostOf(command.name);
    const hostKey = ssh2.utils.parseKey(
      secretText(run.graph.get(`${host}-ssh-host-key`).inputs["input"]) ?? "",
    );
    assert.ok(!(hostKey instanceof Error));
    const connection = connectionOf(command);
    assert.equal(
      connection["hostKey"],
      `ssh-ed25519 ${hostKey.getPublicSSH().toString("base64")}`,
      command.name,
    );
    assert.equal(connection["host"], host.replace("cent", "192.168.56."), command.name);
    assert.deepEqual([connection["user"], connection["port"]], ["root", 22]);
    assert.ok(Number(connection["dialErrorLimit"]) > 0, `${command.name} may dial for ever`);
  }
});

test("every file is noted on its host with the resource that writes it, which verify names", () => {
  const files = remote().flatMap(({ name, inputs }) => {
    const line = String(unwrapSecrets(inputs["create"]));
    const resource = / file --path .* --resource (\S+) /.exec(line)?.[1];
    return line.includes(" file --path ") ? [{ name, resource }] : [];
  });
  assert.ok(files.length > 20, `${files.length} files`);
  for (const { name, resource } of files) assert.equal(resource, name);
});

test("every file is sent with the line that proves it whole, and refused without it", () => {
  const ends = remote().flatMap(({ inputs }) => {
    const line = String(unwrapSecrets(inputs["create"]));
    if (!line.includes(" file --path ")) return [];
    return [line.includes(" --with-end ") && String(unwrapSecrets(inputs["stdin"])).endsWith(endOfFile)];
  });
  assert.ok(ends.length > 20 && ends.every(Boolean), String(ends));
  const { stdin } = run.graph.get("haproxy-cent123-config").inputs;
  assert.match(
    String(stdin),
    /\n# rabbitmq-ha: end of the file\n$/,
    "the preview shows the content as lines",
  );
});

test("verify compares the brokers with the settings, not with the defaults", async () => {
  const config = devConfig();
  const rabbitmq = {
    ...(config["rabbitmq"] as object),
    netTickTime: 7,
    settings: { cluster_partition_handling: "autoheal" },
  };
  const changed = await runProgram({
    config: { ...config, rabbitmq, haproxy: { ...(config["haproxy"] as object), avoidAlarms: true } },
  });
  assert.deepEqual(unwrapSecrets(changed.outputs["expected"]), {
    plugins: ["rabbitmq_management", "rabbitmq_prometheus"],
    netTickTime: 7,
    partitionHandling: "autoheal",
    agentCheck: true,
    proxies: ["rabbitmq_cluster", "rabbitmq_management"],
    queueType: "classic",
  });
});

test("a plug-in's protocol has a proxy and an endpoint, and stated networks open the metrics", async () => {
  const config = devConfig();
  const rabbitmq = {
    ...(config["rabbitmq"] as object),
    plugins: ["rabbitmq_management", "rabbitmq_prometheus", "rabbitmq_mqtt"],
  };
  const { outputs, graph } = await runProgram({
    config: { ...config, rabbitmq, metricsFrom: ["10.9.0.0/24"] },
  });
  assert.deepEqual(unwrapSecrets(outputs["endpoints"]), { mqtt: "192.168.56.100:1883" });
  const { proxies } = unwrapSecrets(outputs["expected"]) as { proxies: string[] };
  assert.deepEqual(proxies, ["rabbitmq_cluster", "rabbitmq_management", "rabbitmq_mqtt"]);
  assert.match(commandText(graph.get("cent120-config"), "stdin"), /^prometheus\.tcp\.ip = 0\.0\.0\.0$/m);
});

test("the program is sent by the steps' own log-in, as a secret", () => {
  checkInstallations(run.graph);
});

test("every host has its own host key", () => {
  const keys = hosts.map((host) => connectionOf(run.graph.get(`${host}-ready`))["hostKey"]);
  assert.equal(new Set(keys).size, hosts.length);
});

test("a machine is replaced only if its image, network or address changes", () => {
  for (const host of hosts) {
    const { inputs } = run.graph.get(`${host}-machine`);
    const [image, ...others] = inputs["triggers"] as string[];
    assert.match(image ?? "", /^localhost\/rabbitmq-ha-lab:bookworm-[0-9a-f]{12}$/);
    assert.deepEqual(others, ["rabbitmq-ha-dev", "192.168.56.0/24", host.replace("cent", "192.168.56.")]);
  }
});

test("no command passes its last output to the next run", () => {
  for (const { name, inputs } of commands()) assert.equal(inputs["addPreviousOutputInEnv"], false, name);
});

test("no command has environment variables, which an SSH server may refuse", () => {
  for (const { name, inputs } of commands()) assert.equal(inputs["environment"], undefined, name);
});

test("every command is deleted before it is replaced, so that it does not undo what its replacement did", () => {
  for (const { name, deleteBeforeReplace, ignoreChanges } of commands()) {
    assert.ok(deleteBeforeReplace || name.endsWith("-ready"), name);
    // A policy stays when a machine is replaced.
    if (name === "mirror-policy-undo") assert.deepEqual(ignoreChanges, ["triggers"]);
  }
});

test("only the policy has an alias, and only generated secrets ignore changes of their input", () => {
  for (const { name, type, aliases, ignoreChanges, additionalSecretOutputs } of run.graph.nodes) {
    assert.equal(aliases.length, name === "mirror-policy" ? 1 : 0, name);
    const kept = type === "pulumi:index:Stash";
    if (name !== "mirror-policy-undo") assert.deepEqual(ignoreChanges, kept ? ["input"] : [], name);
    if (kept) assert.deepEqual(additionalSecretOutputs, ["output"], name);
  }
});

test("the outputs are exactly these", () => {
  const { adminPassword, amqpUri, ssh, ...open } = run.outputs;
  assert.deepEqual(open, {
    clusterName: "rabbitmq_cluster1",
    brokers: [
      { name: "cent120", address: "192.168.56.120" },
      { name: "cent121", address: "192.168.56.121" },
      { name: "cent122", address: "192.168.56.122" },
    ],
    balancers: [
      { name: "cent123", address: "192.168.56.123" },
      { name: "cent124", address: "192.168.56.124" },
    ],
    balance: "roundrobin",
    virtualAddress: "192.168.56.100",
    managementUrl: "http://192.168.56.100:15672",
    managementUrls: ["120", "121", "122"].map((last) => `http://192.168.56.${last}:15672`),
    endpoints: {},
    statsUrls: ["123", "124"].map((last) => `http://192.168.56.${last}:8100/rabbitmq-stats`),
    adminUser: "admin",
    administrators: ["admin"],
    queues: "mirrored",
    policy: { name: "ha-all", pattern: "^", definition: { "ha-mode": "all", "ha-sync-mode": "automatic" } },
    statsPassword: null,
    definitions: null,
    userPasswords: null,
    amqpsUri: null,
    caCertificate: null,
    expected: {
      plugins: ["rabbitmq_management", "rabbitmq_prometheus"],
      netTickTime: 5,
      partitionHandling: "pause_minority",
      agentCheck: false,
      proxies: ["rabbitmq_cluster", "rabbitmq_management"],
      queueType: "classic",
    },
  });
  const password = secretText(run.graph.get("admin-password").inputs["input"]) ?? "";
  assert.match(password, /^[A-Za-z0-9]{24}$/);
  assert.equal(secretText(adminPassword), password);
  assert.equal(secretText(amqpUri), `amqp://admin:${password}@192.168.56.100:5672`);
  const logins =
    secretText(ssh) === undefined ? undefined : (unwrapSecrets(ssh) as Record<string, unknown>[]);
  assert.deepEqual(
    logins?.map((login) => [login["name"], Object.keys(login).sort().join()]),
    hosts.map((host) => [host, "host,hostKey,name,port,privateKey,user"]),
  );
});
