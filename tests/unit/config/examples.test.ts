/** The program accepts the stack files in the documentation. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import ssh2 from "ssh2";
import { parseConfig } from "../../../config/config.ts";
import { asEngineConfig, root } from "../../support/dev-stack.ts";

const yaml = createRequire(import.meta.resolve("@pulumi/pulumi"))("js-yaml") as {
  load(text: string): { readonly config: Readonly<Record<string, unknown>> };
};

const folder = mkdtempSync(join(tmpdir(), "rabbitmq-ha-examples-"));
after(() => rmSync(folder, { recursive: true }));
const key = ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 });
const keyFile = join(folder, "key");
writeFileSync(keyFile, key.private);

/** @returns a stack file's settings, without the namespace */
function settings(file: string): Record<string, unknown> {
  const { config } = yaml.load(file);
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => [name.replace("rabbitmq-ha:", ""), value]),
  );
}

/** @returns the settings of each stack file in a document, without the namespace, with a real key in place of the example's */
function examples(document: string): Record<string, unknown>[] {
  const text = readFileSync(join(root, document), "utf8");
  return [...text.matchAll(/^```yaml\n(config:\n.*?)^```$/gms)].map(([, file = ""]) => {
    const own = file
      .replace("~/.ssh/id_ed25519", keyFile)
      .replaceAll(/ssh-ed25519 AAAA\S+\.\.\./g, key.public)
      .replaceAll(/THE-SUM-OF-THE-\w+-RPM/g, "a0".repeat(32));
    return settings(own);
  });
}

test("the stack file of docs/existing.md can be copied as it is", () => {
  const [example = {}, ...others] = examples("docs/existing.md");
  const { platform } = parseConfig(asEngineConfig(example));
  assert.ok(platform.kind === "existing" && others.length === 0);
  // A key that is pinned there would not be the reader's.
  assert.deepEqual(platform.hostKeys, {});
});

test("the stack file of docs/systems.md for CentOS 7, with the hosts of docs/existing.md", () => {
  const [hosts = {}] = examples("docs/existing.md");
  const [centos7 = {}, ...others] = examples("docs/systems.md");
  const { os, packages, platform } = parseConfig(asEngineConfig({ ...hosts, ...centos7 }));
  assert.ok(platform.kind === "existing" && others.length === 0);
  assert.equal(os, "centos-7");
  assert.equal(packages.rpms?.erlang.sha256, "a0".repeat(32));
});

test("the example of a stack on AWS, which shows every default", () => {
  const example = settings(readFileSync(join(root, "Pulumi.aws.example.yaml"), "utf8"));
  const { platform } = parseConfig(asEngineConfig(example));
  const { region, vpc, subnets, publicSubnet, access } = example["aws"] as Record<string, unknown>;
  const { from } = access as Record<string, unknown>;
  const shortest = { ...example, aws: { region, vpc, subnets, publicSubnet, access: { from } } };
  assert.deepEqual(parseConfig(asEngineConfig(shortest)).platform, platform);
});

test("the stack file of docs/aws.md, in an existing VPC", () => {
  const [example = {}, ...others] = examples("docs/aws.md");
  const { platform } = parseConfig(asEngineConfig(example));
  assert.ok(platform.kind === "aws" && platform.network.kind === "given" && others.length === 0);
});
