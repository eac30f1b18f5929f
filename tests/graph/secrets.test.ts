/** Secrets, given or made, reach a host by standard input alone, and nowhere do they stand in the clear. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import ssh2 from "ssh2";
import { devConfig } from "../support/dev-stack.ts";
import { brokers, hosts, remoteCommand } from "../support/graph-facts.ts";
import { plain, runProgram, secretText, type Run, type RunArgs } from "../support/program.ts";

const key = (): string => {
  for (;;) {
    const { private: text } = ssh2.utils.generateKeyPairSync("ed25519");
    // One in 256 of ssh2's keys is one that it cannot read (mscdex/ssh2#1513).
    if (!(ssh2.utils.parseKey(text) instanceof Error)) return text;
  }
};

const given = {
  adminPassword: "given/admin pass%word",
  erlangCookie: "GIVENCOOKIEGIVENCOOKIE",
  sshPrivateKey: key(),
  statsPassword: "given-stats-password",
};

/** The names of the stashes by the configuration's key that takes their place. */
const stashes = {
  adminPassword: "admin-password",
  erlangCookie: "erlang-cookie",
  sshPrivateKey: "lab-ssh-key",
};

const cases: Readonly<Record<string, RunArgs>> = {
  "secrets that the program makes": { config: devConfig() },
  "secrets that are given": { config: { ...devConfig(), ...given }, secrets: Object.keys(given) },
};

for (const [title, args] of Object.entries(cases)) {
  describe(title, () => {
    let run: Run;
    let secrets: Readonly<Record<string, string>>;
    const isGiven = args.secrets !== undefined;
    const input = (stash: string): string => secretText(run.graph.get(stash).inputs["input"]) ?? "";

    before(async () => {
      run = await runProgram(args);
      const own = isGiven
        ? given
        : Object.fromEntries(Object.entries(stashes).map(([name, stash]) => [name, input(stash)]));
      const hostKeys = hosts.map((host) => [`${host}-ssh-host-key`, input(`${host}-ssh-host-key`)] as const);
      secrets = { ...own, ...Object.fromEntries(hostKeys) };
    });

    test("they are as long as they should be, and made only where none is given", () => {
      for (const [name, value] of Object.entries(secrets)) assert.ok(value.length >= 20, name);
      const names = run.graph.nodes.map((node) => node.name);
      for (const stash of Object.values(stashes)) assert.equal(names.includes(stash), !isGiven, stash);
    });

    test("no text that previews, logs and errors show has one in it", () => {
      for (const { name, inputs } of run.graph.nodes) {
        for (const [field, value] of Object.entries(inputs)) {
          // What is wrapped stays hidden; whether it is, is the next test's matter.
          if (field !== "stdin" && field !== "connection" && field !== "input") {
            assertWithout(secrets, plain(value), `${name}, ${field}`);
          }
        }
      }
    });

    test("wherever one stands it is a secret for the engine", () => {
      for (const { name, inputs } of run.graph.nodes) assertWithout(secrets, veiled(inputs), name);
      assertWithout(secrets, veiled(run.outputs), "the outputs");
    });

    test("the cookie and the passwords come by standard input, each to where it is due", () => {
      const stdin = (name: string): string | undefined => secretText(run.graph.get(name).inputs["stdin"]);
      for (const broker of brokers) assert.equal(stdin(`${broker}-cookie`), secrets["erlangCookie"]);
      assert.equal(stdin("cluster-admin"), `${secrets["adminPassword"] ?? ""}\n`);
      for (const host of hosts) assert.equal(stdin(`${host}-machine`), secrets[`${host}-ssh-host-key`]);
      const page = plain(run.graph.get("haproxy-cent123-stats").inputs["stdin"]);
      assert.equal(String(page).includes("stats auth"), isGiven);
      if (isGiven)
        assert.match(stdin("haproxy-cent123-stats") ?? "", /^ {4}stats auth admin:given-stats-password$/m);
    });

    test("the configuration of HAProxy stays in the clear, so that a preview shows its changes", () => {
      const { stdin } = run.graph.get("haproxy-cent123-config").inputs;
      assert.match(String(stdin), /^listen rabbitmq_cluster$/m);
    });

    test("the key to log in with is secret in every connection", () => {
      for (const { name, inputs, additionalSecretOutputs } of run.graph.ofType(remoteCommand)) {
        const connection = plain(inputs["connection"]) as { readonly privateKey: string };
        assert.equal(connection.privateKey, secrets["sshPrivateKey"], name);
        assert.ok(additionalSecretOutputs.includes("connection"), name);
      }
    });

    test("the files of secrets are for their owner alone", () => {
      for (const broker of brokers)
        assert.match(String(run.graph.get(`${broker}-cookie`).inputs["create"]), / --mode 0400 /);
      assert.match(String(run.graph.get("haproxy-cent123-stats").inputs["create"]), / --mode 0600 /);
    });

    test("the address for clients has the password as a URL takes it", () => {
      const password = encodeURIComponent(secrets["adminPassword"] ?? "");
      assert.equal(secretText(run.outputs["amqpUri"]), `amqp://admin:${password}@192.168.56.100:5672`);
    });
  });
}

/** @returns a value as somebody sees it who may not see secrets */
function veiled(value: unknown): unknown {
  if (pulumi.runtime.isRpcSecret(value)) return "(secret)";
  if (Array.isArray(value)) return value.map(veiled);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, veiled(inner)]));
}

function assertWithout(secrets: Readonly<Record<string, string>>, value: unknown, where: string): void {
  const text = JSON.stringify(value);
  for (const [name, secret] of Object.entries(secrets)) {
    // Of a key, which has lines, any one line would be too much.
    for (const line of secret.split("\n").filter((part) => part.length > 8 && !part.startsWith("-----"))) {
      assert.ok(!text.includes(line), `${where} shows ${name}`);
    }
  }
}
