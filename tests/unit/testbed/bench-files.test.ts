/**
 * The benchmark's script and playbook write the files that the program writes on the lab's hosts. When one of these tests
 * fails after a change of the program, make the same change in testbed/bench/script/files.sh and testbed/bench/ansible;
 * then `npm run bench -- --quick --only cold` compares whole hosts.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
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
  playbookFiles,
  programFiles,
  scriptFiles,
  type HostTexts,
} from "../../support/bench-files.ts";

const site = siteOf("p", 70, 3);
const hosts = [...site.brokers, ...site.balancers];
let work: string;
let program: HostTexts;

before(async () => {
  work = await mkdtemp(join(tmpdir(), "rabbitmq-ha-unit-"));
  for (const host of hosts) await writeOwnFiles(join(work, "own", host), host, site);
  program = await programFiles(site);
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
