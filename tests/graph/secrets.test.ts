/** Secrets, given or generated, reach a host only by standard input, and appear nowhere in plain text. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { makePrivateKey } from "../../platforms/ssh-keys.ts";
import { withoutEnd } from "../support/command-texts.ts";
import { devConfig } from "../support/dev-stack.ts";
import { brokers, hosts, remoteCommand } from "../support/graph-facts.ts";
import { unwrapSecrets, runProgram, secretText, type ProgramRun, type RunArgs } from "../support/program.ts";

const given = {
  adminPassword: "given/admin pass%word",
  erlangCookie: "GIVENCOOKIEGIVENCOOKIE",
  sshPrivateKey: makePrivateKey("given"),
  statsPassword: "given-stats-password",
};

const keyPassword = "given-password-of-the-key";

/** The names of the stashes, by the configuration key that replaces them. */
const stashes = {
  adminPassword: "admin-password",
  erlangCookie: "erlang-cookie",
  sshPrivateKey: "lab-ssh-key",
};

const cases: Readonly<Record<string, RunArgs>> = {
  "secrets that the program makes": { config: devConfig() },
  "secrets that are given": {
    config: {
      ...devConfig(),
      ...given,
      rabbitmq: {
        ...(devConfig()["rabbitmq"] as object),
        secretSettings: { "ssl_options.password": keyPassword },
      },
    },
    secrets: [...Object.keys(given), "rabbitmq"],
  },
};

for (const [title, args] of Object.entries(cases)) {
  describe(title, () => {
    let run: ProgramRun;
    let secrets: Readonly<Record<string, string>>;
    const isGiven = args.secrets !== undefined;
    const input = (stash: string): string => secretText(run.graph.get(stash).inputs["input"]) ?? "";

    before(async () => {
      run = await runProgram(args);
      const own = isGiven
        ? given
        : Object.fromEntries(Object.entries(stashes).map(([name, stash]) => [name, input(stash)]));
      const hostKeys = hosts.map((host) => [`${host}-ssh-host-key`, input(`${host}-ssh-host-key`)] as const);
      secrets = { ...own, ...Object.fromEntries(hostKeys), ...(isGiven ? { keyPassword } : {}) };
    });

    test("they have the right length, and are generated only if none is given", () => {
      for (const [name, value] of Object.entries(secrets)) assert.ok(value.length >= 20, name);
      const names = run.graph.nodes.map((node) => node.name);
      for (const stash of Object.values(stashes)) assert.equal(names.includes(stash), !isGiven, stash);
    });

    test("no text in previews, logs and errors contains a secret", () => {
      for (const { name, inputs } of run.graph.nodes) {
        for (const [field, value] of Object.entries(inputs)) {
          // Values that are marked as secret stay hidden; the next test checks the marks.
          if (field !== "stdin" && field !== "connection" && field !== "input") {
            assertWithout(secrets, unwrapSecrets(value), `${name}, ${field}`);
          }
        }
      }
    });

    test("every occurrence is marked as a secret for the engine", () => {
      for (const { name, inputs } of run.graph.nodes) assertWithout(secrets, veiled(inputs), name);
      assertWithout(secrets, veiled(run.outputs), "the outputs");
    });

    test("the cookie and the passwords are standard input of the right commands", () => {
      const stdin = (name: string): string | undefined => secretText(run.graph.get(name).inputs["stdin"]);
      for (const broker of brokers)
        assert.equal(withoutEnd(stdin(`${broker}-cookie`) ?? ""), secrets["erlangCookie"]);
      assert.equal(stdin("cluster-admin"), `${secrets["adminPassword"] ?? ""}\n`);
      for (const host of hosts) assert.equal(stdin(`${host}-machine`), secrets[`${host}-ssh-host-key`]);
      const page = unwrapSecrets(run.graph.get("haproxy-cent123-stats").inputs["stdin"]);
      assert.equal(String(page).includes("stats auth"), isGiven);
      if (isGiven)
        assert.match(stdin("haproxy-cent123-stats") ?? "", /^ {4}stats auth admin:given-stats-password$/m);
    });

    test("the settings with secrets are a file of their own, and what a restart goes by is secret with them", () => {
      const words = String(run.graph.get("cent121-secret-settings").inputs["create"]);
      assert.match(
        words,
        / --path \/etc\/rabbitmq\/conf\.d\/rabbitmq-ha-secrets\.conf --owner root:rabbitmq --mode 0640 /,
      );
      const stdin = (name: string): unknown => run.graph.get(`cent121-${name}`).inputs["stdin"];
      const line = `ssl_options.password = ${keyPassword}\n`;
      assert.equal(String(unwrapSecrets(stdin("secret-settings"))).includes(line), isGiven);
      assert.equal(secretText(stdin("secret-settings")) !== undefined, isGiven);
      assert.equal(secretText(stdin("restart")) !== undefined, isGiven);
      assert.equal(secretText(stdin("config")), undefined);
    });

    test("the configuration of HAProxy is not secret, so that a preview shows its changes", () => {
      const { stdin } = run.graph.get("haproxy-cent123-config").inputs;
      assert.match(String(stdin), /^listen rabbitmq_cluster$/m);
    });

    test("the log-in key is secret in every connection", () => {
      for (const { name, inputs, additionalSecretOutputs } of run.graph.ofType(remoteCommand)) {
        const connection = unwrapSecrets(inputs["connection"]) as { readonly privateKey: string };
        assert.equal(connection.privateKey, secrets["sshPrivateKey"], name);
        assert.ok(additionalSecretOutputs.includes("connection"), name);
      }
    });

    test("only the owner can read the files with secrets", () => {
      for (const broker of brokers)
        assert.match(String(run.graph.get(`${broker}-cookie`).inputs["create"]), / --mode 0400 /);
      assert.match(String(run.graph.get("haproxy-cent123-stats").inputs["create"]), / --mode 0600 /);
    });

    test("the URI for clients has the password in URL encoding", () => {
      const password = encodeURIComponent(secrets["adminPassword"] ?? "");
      assert.equal(secretText(run.outputs["amqpUri"]), `amqp://admin:${password}@192.168.56.100:5672`);
    });
  });
}

/** @returns the value with its secrets hidden */
function veiled(value: unknown): unknown {
  if (pulumi.runtime.isRpcSecret(value)) return "(secret)";
  if (Array.isArray(value)) return value.map(veiled);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, veiled(inner)]));
}

function assertWithout(secrets: Readonly<Record<string, string>>, value: unknown, where: string): void {
  const text = JSON.stringify(value);
  for (const [name, secret] of Object.entries(secrets)) {
    // A key has several lines; not one of them may appear.
    for (const line of secret.split("\n").filter((part) => part.length > 8 && !part.startsWith("-----"))) {
      assert.ok(!text.includes(line), `${where} shows ${name}`);
    }
  }
}
