/** Every shell script of the program, as it is sent, is one that the shell can read and that shellcheck finds well. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { runStacks, scriptsOf, textOf, type Stacks } from "../../support/documents.ts";
import { probes } from "../../support/probes.ts";
import { standInCommand, strangersDocuments } from "../../support/machines-documents.ts";

let folder: string;
let stacks: Stacks;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "rabbitmq-ha-shellcheck-"));
  stacks = await runStacks();
});
after(() => rm(folder, { recursive: true, force: true }));

/** Scripts that differ in nothing but their host are one: the text, with every host's name made the same. */
function distinct(texts: readonly string[]): string[] {
  const seen = new Map(texts.map((text) => [text.replaceAll(/cent\d+|[\d.]+/g, ""), text]));
  return [...seen.values()];
}

async function check(shell: "bash" | "sh", texts: readonly string[], ...flags: string[]): Promise<void> {
  assert.ok(texts.length > 0);
  const files = texts.map((_, index) => join(folder, `${shell}-${index}`));
  await Promise.all(files.map((file, index) => writeFile(file, texts[index] ?? "")));
  for (const file of files) {
    const { stderr, exitCode } = await execa(shell, ["-n", file], { reject: false });
    assert.equal(exitCode, 0, `${shell} cannot read this script: ${stderr}`);
  }
  const args = ["--norc", "--format=gcc", "--shell", shell, ...flags, ...files];
  const { stdout, stderr } = await execa("shellcheck", args, { reject: false });
  const findings = [...stdout.split("\n"), ...stderr.split("\n")].filter((line) => line !== "");
  // Each with the line that it is about: the file is gone when somebody reads this.
  const shown = findings.map((finding) => {
    const [, index, line] = /(\d+):(\d+):\d+: /.exec(finding) ?? [];
    return `${finding}\n    ${texts[Number(index)]?.split("\n")[Number(line) - 1] ?? ""}`;
  });
  assert.equal(shown.join("\n"), "");
}

/** @returns the scripts of all the stacks, without what only wraps another */
function scripts(): { readonly outer: string[]; readonly inner: string[] } {
  const all = Object.values(stacks).flatMap(scriptsOf);
  return {
    outer: distinct(all.map(({ outer }) => outer)),
    inner: distinct(all.flatMap(({ inner }) => inner ?? [])),
  };
}

test("the scripts as they are sent", () => check("bash", scripts().outer));

test("the scripts inside these, which the hosts run with a deadline", () => {
  const { inner } = scripts();
  // The only one on hosts is the first, which brings the program of all others: for each installer, with and without a proxy.
  assert.ok(inner.length >= 4, "the wrapped scripts were not found");
  return check("bash", inner);
});

test("the scripts that look at existing machines", () => check("bash", Object.values(probes())));

test("the scripts that make strangers' machines", () => {
  const scripts = Object.values(strangersDocuments());
  assert.ok(scripts.length >= 5);
  return check("bash", scripts);
});

test("the commands that the CentOS 7 stand-in has of its own", async () => {
  await check("bash", ["yum", "systemctl"].map(standInCommand));
  await check("sh", ["haproxy-systemd-wrapper"].map(standInCommand));
});

test("no unit runs a shell", () => {
  const units = Object.values(stacks).flatMap(({ graph }) =>
    graph.nodes
      .filter(({ name }) => /-(unit|limits|socket)$/.test(name))
      .map((node) => textOf(node, "stdin")),
  );
  assert.ok(units.some((unit) => unit.includes("ExecStartPre=")));
  for (const unit of units) assert.doesNotMatch(unit, /^Exec\w+=[^/]*\/bin\/(ba)?sh\b/m);
});
