/** The upgrade of a stack of an earlier release: nothing is replaced, nothing restarts. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { devConfig } from "../support/dev-stack.ts";
import { existingConfig } from "../support/command-texts.ts";
import { runProgram, type ProgramRun } from "../support/program.ts";
import { recordResources, type Release } from "../support/released.ts";

const folder = join(import.meta.dirname, "..", "released");
const releases = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Release);

const runs = new Map<string, ProgramRun>();
before(async () => {
  runs.set("dev", await runProgram({ config: devConfig() }));
  runs.set("existing", await runProgram({ config: existingConfig(), secrets: ["sshPrivateKey"] }));
});

test("there is an earlier release to compare with", () => {
  assert.ok(releases.length > 0);
});

/** Lines for which a running process is not restarted (`ALONE` in `agent/systemd.py`, `agent/fingerprint.py`). */
const ofNoMatter =
  /^(#.*|\s*|(After|Wants|ExecStartPre|ExecReload|ExecStopPost|Restart\w*|StartLimit\w*|Timeout(Start|Stop)Sec)=.*|prometheus\.tcp\.ip = 127\.0\.0\.1)$/;

function matters(text = ""): string[] {
  return text.split("\n").filter((line) => !ofNoMatter.test(line));
}

for (const { version, stacks } of releases) {
  for (const [stack, old] of Object.entries(stacks)) {
    test(`${stack} of ${version}: every resource exists and is not replaced`, () => {
      const run = runs.get(stack);
      assert.ok(run !== undefined);
      const now = new Map(recordResources(run).map((each) => [each.name, each]));
      for (const { name, type, parent, triggers } of old) {
        const same = now.get(name);
        assert.deepEqual(
          { name, type: same?.type, parent: same?.parent },
          { name, type, parent },
          "gone, so deleted and made anew",
        );
        // An input whose changes are ignored replaces nothing.
        if (run.graph.get(name).ignoreChanges.includes("triggers")) continue;
        assert.deepEqual(same?.triggers, triggers, `${name} is replaced`);
      }
    });

    test(`${stack} of ${version}: no file that a service reads only at its start has changed`, () => {
      const run = runs.get(stack);
      assert.ok(run !== undefined);
      const now = new Map(recordResources(run).map((each) => [each.name, each]));
      const files = old.filter(({ text }) => text !== undefined);
      assert.ok(files.length >= 13);
      for (const { name, text } of files) assert.deepEqual(matters(now.get(name)?.text), matters(text), name);
    });
  }
}
