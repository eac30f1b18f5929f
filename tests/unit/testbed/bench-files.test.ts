/**
 * The benchmark's script and playbook write the files that the program writes on the lab's hosts. When one of these tests
 * fails after a change of the program, make the same change in testbed/bench/script/files.sh and testbed/bench/ansible;
 * then `npm run bench -- --quick --only cold` compares whole hosts.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { currentProgramFolder } from "../../../remote/program.ts";
import { findDifferences, normalise } from "../../../testbed/bench/end-state.ts";
import { writeOwnFiles } from "../../../testbed/bench/own-files.ts";
import { siteOf } from "../../../testbed/bench/site.ts";
import {
  anything,
  optionOf,
  playbookFiles,
  playbookVariables,
  programFiles,
  programSteps,
  scriptFiles,
  type HostStep,
  type HostTexts,
} from "../../support/bench-files.ts";

const site = siteOf("p", 70, 3);
const hosts = [...site.brokers, ...site.balancers];
let work: string;
let steps: readonly HostStep[];
let program: HostTexts;

before(async () => {
  work = await mkdtemp(join(tmpdir(), "rabbitmq-ha-unit-"));
  for (const host of hosts) await writeOwnFiles(join(work, "own", host), host, site);
  steps = await programSteps(site);
  program = programFiles(site, steps);
});
after(() => rm(work, { recursive: true }));

const filesOf = (texts: HostTexts, host: string): Map<string, string> =>
  normalise(texts.get(host) ?? "", site);

test("each host gets the program itself", () => {
  for (const host of hosts)
    assert.ok(existsSync(join(work, "own", host, currentProgramFolder, "agent", "main.py")), host);
});

test("the script writes what the program writes", async () => {
  const script = await scriptFiles(site, work);
  for (const host of hosts) {
    assert.ok(filesOf(program, host).size >= 6, host);
    assert.deepEqual(findDifferences(filesOf(program, host), filesOf(script, host)), [], host);
  }
});

test("the playbook writes the files that the program writes, with the same lines, whatever its variables are", () => {
  const playbook = playbookFiles(site, work);
  for (const host of hosts) {
    const [wanted, found] = [filesOf(program, host), filesOf(playbook, host)];
    assert.deepEqual([...found.keys()].sort(), [...wanted.keys()].sort(), host);
    for (const [name, text] of wanted) assertSameLines(text, found.get(name) ?? "", `${host}:${name}`);
  }
});

const bench = join(import.meta.dirname, "..", "..", "..", "testbed", "bench");
const script = readFileSync(join(bench, "script", "up.sh"), "utf8");

test("the script and the playbook install the program's packages", () => {
  for (const [group, [host = ""]] of [
    ["brokers", site.brokers],
    ["balancers", site.balancers],
  ] as const) {
    const own = steps.filter((step) => step.host === host && step.subcommand === "packages");
    const wanted = [...new Set(own.flatMap((step) => optionOf(step, "names").split(",")))].sort();
    assert.deepEqual((playbookVariables(group)["packages"] as string[]).toSorted(), wanted, group);
    const line = new RegExp(`^ {2}packages "\\$2" (.*\\b${wanted[0] ?? ""}\\b.*)$`, "m").exec(script)?.[1];
    // What the program itself runs on comes with it.
    assert.deepEqual(line?.split(" ").sort(), [...wanted, "python3-minimal"].sort(), group);
  }
});

test("the script and the playbook start the program's services", () => {
  const roles = join(bench, "ansible", "roles");
  const tasks = readdirSync(roles).map((role) =>
    readFileSync(join(roles, role, "tasks", "main.yml"), "utf8"),
  );
  for (const step of steps.filter(({ subcommand }) => subcommand === "service")) {
    const unit = optionOf(step, "unit");
    assert.match(script, new RegExp(`enable --now [^\n]*\\b${unit}(?![-\\w])`), unit);
    assert.match(tasks.join(""), new RegExp(`^ {4}name: ${unit}$`, "m"), unit);
  }
});

test("the program has no step of which the script and the playbook have no counterpart", () => {
  const known = ["file", "names", "packages", "plugins", "service", "start", "member", "serving", "holder"];
  const cluster = ["admin", "cluster-name", "policy"];
  // Of use to a later run only: a changed setting, a member that is taken out of the list.
  const later = ["restart", "members"];
  const found = new Set(steps.map(({ subcommand }) => subcommand).filter((name) => name !== ""));
  assert.deepEqual([...found].sort(), [...known, ...cluster, ...later].sort());
});

/** @param template a text in which `anything` stands for any text */
function assertSameLines(text: string, template: string, what: string): void {
  const lines = text.split("\n");
  const patterns = template.split("\n").map((line) => {
    const literals = line.split(anything).map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    return { line, pattern: new RegExp(`^${literals.join(".+")}$`) };
  });
  const lacking = lines.filter((line) => !patterns.some(({ pattern }) => pattern.test(line)));
  const extra = patterns.filter(({ pattern }) => !lines.some((line) => pattern.test(line)));
  assert.deepEqual({ lacking, extra: extra.map(({ line }) => line) }, { lacking: [], extra: [] }, what);
}
