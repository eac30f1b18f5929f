/** The stack files that the documentation gives to copy are ones that the program takes. */
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

/** @returns the settings of each stack file in a document, with a reader's own key in them, without the namespace */
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

test("the README's stack files for machines of one's own", () => {
  const [debian, centos7, ...others] = examples("README.md");
  assert.ok(debian !== undefined && centos7 !== undefined && others.length === 0);
  assert.equal(parseConfig(asEngineConfig(debian)).platform.kind, "existing");
  const { os, packages } = parseConfig(asEngineConfig({ ...debian, ...centos7 }));
  assert.equal(os, "centos-7");
  assert.equal(packages.rpms?.erlang.sha256, "a0".repeat(32));
});

test("the stack file of docs/existing.md, its pinned key among it", () => {
  const [example = {}] = examples("docs/existing.md");
  const { platform } = parseConfig(asEngineConfig(example));
  assert.ok(platform.kind === "existing");
  assert.deepEqual(Object.keys(platform.hostKeys), ["10.20.0.11"]);
});

test("the example of a stack in an account, which shows every default as it is", () => {
  const example = settings(readFileSync(join(root, "Pulumi.aws.example.yaml"), "utf8"));
  const { platform } = parseConfig(asEngineConfig(example));
  const { region, vpc, subnets, publicSubnet, access } = example["aws"] as Record<string, unknown>;
  const { from } = access as Record<string, unknown>;
  const shortest = { ...example, aws: { region, vpc, subnets, publicSubnet, access: { from } } };
  assert.deepEqual(parseConfig(asEngineConfig(shortest)).platform, platform);
});

test("the stack file of docs/aws.md, in a VPC that is there already", () => {
  const [example = {}, ...others] = examples("docs/aws.md");
  const { platform } = parseConfig(asEngineConfig(example));
  assert.ok(platform.kind === "aws" && platform.network.kind === "given" && others.length === 0);
});
