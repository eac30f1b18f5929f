/** The stack that arguments of the Pulumi CLI are about. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { meantStack } from "../../../cli/meant-stack.ts";

const home = mkdtempSync(join(tmpdir(), "rabbitmq-ha-home-"));
after(() => {
  rmSync(home, { recursive: true });
});
const env = { PULUMI_HOME: home, PULUMI_BACKEND_URL: "file:///states" };
const project = join(dirname(dirname(dirname(import.meta.dirname))), "Pulumi.yaml");

function select(workspace: object): void {
  const hash = createHash("sha1").update(project).digest("hex");
  mkdirSync(join(home, "workspaces"), { recursive: true });
  writeFileSync(join(home, "workspaces", `rabbitmq-ha-${hash}-workspace.json`), JSON.stringify(workspace));
}

test("a stack that the arguments name is meant, however it is named", () => {
  for (const args of [
    ["stack", "init", "prod"],
    ["stack", "init", "--no-select", "prod"],
    ["stack", "select", "organization/rabbitmq-ha/prod"],
    ["stack", "rm", "prod", "--yes"],
    ["preview", "--stack", "prod"],
    ["preview", "-s", "prod", "--diff"],
    ["preview", "--stack=acme/rabbitmq-ha/prod"],
  ])
    assert.equal(meantStack(args, env), "prod", args.join(" "));
});

test("otherwise the selected stack of this backend is meant, or none", () => {
  assert.equal(meantStack(["preview"], env), undefined);
  select({
    stacks: {
      "file:///states": "organization/rabbitmq-ha/prod",
      "file:///other": "organization/rabbitmq-ha/dev",
    },
  });
  assert.equal(meantStack(["preview"], env), "prod");
  assert.equal(meantStack(["stack", "output"], env), "prod");
  assert.equal(meantStack(["preview"], { ...env, PULUMI_STACK: "qa" }), "qa");
  select({ stack: "old" });
  assert.equal(meantStack(["preview"], env), "old");
});
