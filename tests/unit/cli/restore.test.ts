/** What `restore` takes, and what it says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { differenceMessage, refusalMessage, titleMessage } from "../../../cli/backup/restore-messages.ts";
import { parseRestoreOptions, refuseFenced } from "../../../cli/restore.ts";
import { compareDefinitions } from "../../../definitions/difference.ts";
import { adaptDefinitions } from "../../../definitions/series.ts";
import { definitionsOf, policy, queue, root, user, vhost } from "../definitions/draft.ts";

test("restore takes one file and --yes; anything else is refused before a stack is read", () => {
  assert.deepEqual(parseRestoreOptions(["a.backup"]), { file: "a.backup", yes: false });
  assert.deepEqual(parseRestoreOptions(["--yes", "a.backup"]), { file: "a.backup", yes: true });
  for (const args of [[], ["--yes"], ["a", "b"]])
    assert.throws(
      () => parseRestoreOptions(args),
      /restore takes one file, such as npm run restore -- backups\//,
    );
  assert.throws(() => parseRestoreOptions(["a", "--force", "-y"]), /leave out: --force --y$/);
});

test("nothing is restored while a migration keeps the clients out", () => {
  const fence = { name: "rabbitmq_ha_fence", value: '{"app":-1}' };
  refuseFenced(definitionsOf({}), "prod");
  assert.throws(
    () => refuseFenced(definitionsOf({ global_parameters: [fence] }), "prod"),
    /^Error: nothing was done: a migration keeps all clients out of stack prod .*docs\/migrate\.md says$/,
  );
});

const label = {
  stack: "old",
  clusterName: "c1",
  made: "2026-11-27T09:30:12.345Z",
  rabbitmqVersion: "3.10.8",
};

test("the title says of which stack, series and time the file is, and names another stack or a later series", () => {
  assert.equal(
    titleMessage("f", { ...label, stack: "dev" }, "dev", "3.10.8"),
    "f: stack dev, RabbitMQ 3.10.8, made 2026-11-27 09:30:12 UTC\nonto stack dev, RabbitMQ 3.10.8",
  );
  assert.match(titleMessage("f", label, "dev", "4.3.6"), /\nIt is of another stack: old \(c1\)\.$/);
  assert.match(
    titleMessage("f", label, "old", "3.9.1"),
    /\nIt is of a later series of RabbitMQ; .*by name\.$/,
  );
});

test("the difference is named by kind; long lists of what is harmless are cut, of what is changed never", () => {
  const many = Array.from({ length: 12 }, (_, index) => index);
  const wanted = definitionsOf({
    users: many.map((index) => user(`u${index}`, "new")),
    vhosts: [root, vhost("shop")],
    queues: [...many.map((index) => queue(`q${index}`)), queue("odd", { "x-max-length": 1 })],
    policies: [policy("m", { "ha-mode": "all" })],
  });
  const present = definitionsOf({
    users: [...many.map((index) => user(`u${index}`, "old")), user("ops")],
    queues: [queue("odd")],
  });
  const adapted = adaptDefinitions(wanted, "4.3.6");
  const own = { adminUser: "admin", policyName: "ha-all" };
  const words = differenceMessage(compareDefinitions(adapted.definitions, present, own), adapted);
  assert.equal(
    words,
    [
      "made:",
      "  1 virtual host: shop",
      "  12 queues: q0 in /, q1 in /, q2 in /, q3 in /, q4 in /, q5 in /, q6 in /, q7 in / and 4 more",
      "changed:",
      "  12 users: u0, u1, u2, u3, u4, u5, u6, u7, u8, u9, u10, u11",
      "exists with other properties, which cannot be changed, and stays:",
      "  1 queue: odd in /",
      "left out:",
      "  policy m in /: RabbitMQ 4.3 has no mirrored queues (ha-mode)",
      "there already:",
      "  1 virtual host: /",
      "not in the file, and stays:",
      "  1 user: ops",
    ].join("\n"),
  );
  assert.equal(words.includes("old") || words.includes("new"), false);
});

test("what the cluster did not take has the broker's words", () => {
  const entry = { category: "queues", object: queue("odd") } as const;
  const reason = "PRECONDITION_FAILED";
  assert.equal(
    refusalMessage([entry, { category: "users", object: user("a") }], [{ ...entry, reason }]),
    "The cluster did not take:\n  queue odd in /: PRECONDITION_FAILED\n  user a: the broker gives no reason; see its log",
  );
});
