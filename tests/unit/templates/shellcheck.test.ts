/** Every shell script of the program, as it is sent, passes `bash -n` (or `sh -n`) and shellcheck. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { runStacks, scriptsOf, commandText, type StackRuns } from "../../support/command-texts.ts";
import { probeScripts } from "../../support/probes.ts";
import { standInCommand, givenMachineScripts } from "../../support/given-machine-scripts.ts";

let folder: string;
let stacks: StackRuns;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "rabbitmq-ha-shellcheck-"));
  stacks = await runStacks();
});
after(() => rm(folder, { recursive: true, force: true }));

/** @returns the texts without those that differ from another only in a host's name or address */
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
  // Each with its line of the script, since the file is deleted after the test.
  const shown = findings.map((finding) => {
    const [, index, line] = /(\d+):(\d+):\d+: /.exec(finding) ?? [];
    return `${finding}\n    ${texts[Number(index)]?.split("\n")[Number(line) - 1] ?? ""}`;
  });
  assert.equal(shown.join("\n"), "");
}

/** @returns the scripts of all stacks: as they are sent, and those that are wrapped in them */
function scripts(): { readonly outer: string[]; readonly inner: string[] } {
  const all = Object.values(stacks).flatMap(scriptsOf);
  return {
    outer: distinct(all.map(({ outer }) => outer)),
    inner: distinct(all.flatMap(({ inner }) => inner ?? [])),
  };
}

test("the scripts as they are sent", () => check("bash", scripts().outer));

test("the scripts inside them, which the hosts run with a deadline", () => {
  const { inner } = scripts();
  // Hosts run only one wrapped script, which installs the program: one variant per installer, with and without a proxy.
  assert.ok(inner.length >= 4, "the wrapped scripts were not found");
  return check("bash", inner);
});

test("the scripts that probe existing machines", () => check("bash", Object.values(probeScripts())));

test("the scripts that create the given machines", () => {
  const scripts = Object.values(givenMachineScripts());
  assert.ok(scripts.length >= 5);
  return check("bash", scripts);
});

test("the replacement commands of the CentOS 7 stand-in", async () => {
  await check("bash", ["yum", "systemctl"].map(standInCommand));
  await check("sh", ["haproxy-systemd-wrapper"].map(standInCommand));
});

test("no unit runs a shell", () => {
  const units = Object.values(stacks).flatMap(({ graph }) =>
    graph.nodes
      .filter(({ name }) => /-(unit|limits|socket)$/.test(name))
      .map((node) => commandText(node, "stdin")),
  );
  assert.ok(units.some((unit) => unit.includes("ExecStartPre=")));
  for (const unit of units) assert.doesNotMatch(unit, /^Exec\w+=[^/]*\/bin\/(ba)?sh\b/m);
});
