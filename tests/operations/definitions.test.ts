/** As many definitions as a large system has. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { tail } from "../../testbed/stacks/running-up.ts";
import { DefinitionsLab, everything } from "../support/definitions-lab.ts";

const defined = new DefinitionsLab({ name: "dm", net: 131 });
const { lab } = defined;

test("a thousand objects of every kind are made, and go in again as the broker exports them", async (context) => {
  await lab.ensureUp();
  const named = (count: number, prefix: string): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const vhosts = named(10, "branch");
  /** One of the new virtual hosts by turns. */
  const vhostOf = (index: number): string => vhosts[index % vhosts.length] ?? "";
  const [users, exchanges, queues] = [named(100, "u"), named(50, "x"), named(300, "q")];
  const many = {
    vhosts: vhosts.map((name) => ({ name })),
    users: users.map((name) => ({ name, tags: [], password_hash: "" })),
    permissions: users.map((user, index) => ({ user, vhost: vhostOf(index), ...everything })),
    topic_permissions: users.slice(0, 40).map((user, index) => ({
      user,
      vhost: vhostOf(index),
      exchange: "amq.topic",
      write: ".*",
      read: ".*",
    })),
    policies: named(40, "p").map((name, index) => ({
      vhost: vhostOf(index),
      name,
      pattern: `^${name}$`,
      definition: { "max-length": 5, ...defined.replicated },
    })),
    parameters: vhosts.map((vhost) => ({
      vhost,
      component: "operator_policy",
      name: "most",
      value: { pattern: "^", definition: { "max-length": 10000 }, priority: 0, "apply-to": "queues" },
    })),
    exchanges: exchanges.map((name, index) => ({ vhost: vhostOf(index), name, type: "topic" })),
    queues: queues.map((name, index) => ({ vhost: vhostOf(index), name })),
    bindings: named(350, "k").map((key, index) => ({
      vhost: vhostOf(index),
      source: exchanges[index % exchanges.length],
      destination: queues[index % queues.length],
      routing_key: key,
    })),
  };
  assert.equal(Object.values(many).flat().length, 1000);
  await lab.configure(await defined.settings(many));
  const made = await lab.runOrThrow("up");
  assert.match(made, /made 100, changed 0, of 100 users/, tail(made));
  assert.match(made, /made 900: /, tail(made));
  // The supervisor of the import's pool: 16 workers, and the pool itself.
  const workers = await defined.ctl(
    "eval 'proplists:get_value(workers, supervisor:count_children(definition_import_pool_sup)).'",
  );
  assert.ok(Number(workers) >= 17, workers);
  const seconds = (name: string, text: string): string =>
    new RegExp(`definitions-${name} (?:created|updated) \\((\\d+(?:\\.\\d+)?)s\\)`).exec(text)?.[1] ?? "?";
  context.diagnostic(`users ${seconds("users", made)} s, the rest ${seconds("set", made)} s`);
  const exported = await defined.ctl("export_definitions -");
  // The passwords of the stack's own users are hashes now.
  await lab.configure(await defined.settings(JSON.parse(exported) as object, "exported"));
  const again = await lab.runOrThrow("up");
  context.diagnostic(`again: users ${seconds("users", again)} s, the rest ${seconds("set", again)} s`);
  assert.match(again, /made 0, changed 0, of 100 users/, tail(again));
  assert.doesNotMatch(again, /^\s*(made|changed|removed) \d+:/m);
});
