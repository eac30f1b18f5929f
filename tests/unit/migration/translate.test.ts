/** What a migration makes of exports of RabbitMQ 3.8, 3.10 and 3.13. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  type Category,
  type Definitions,
  nameOf,
  parseDefinitions,
} from "../../../definitions/exported-definitions.ts";
import { compareDefinitions } from "../../../definitions/difference.ts";
import { type Finding, type Plan, type Target } from "../../../migration/plan.ts";
import { translate } from "../../../migration/translate.ts";
import { definitionsOf } from "../definitions/draft.ts";
import { four, fourThree } from "./targets.ts";

const origin = { adminUser: "admin", policyName: "ha-all", depths: new Map() };

function read(version: string): Definitions {
  return parseDefinitions(readFileSync(join(import.meta.dirname, "exports", `${version}.json`), "utf8"));
}

const plan = (version: string, target: Target = four): Plan => translate(read(version), origin, target);

const names = (definitions: Definitions, category: Category): string[] =>
  definitions[category].map((object) => nameOf({ category, object }));

const argumentsOf = ({ definitions }: Plan, name: string): unknown =>
  definitions.queues.find((queue) => queue["name"] === name)?.["arguments"];

const about = ({ findings }: Plan, subject: string): Finding[] =>
  findings.filter(({ subjects }) => subjects.includes(subject));
const said = (made: Plan, subject: string): string[] => about(made, subject).map(({ what }) => what);

test("3.8: mirrored queues become quorum queues, and policies lose what is of mirrors", () => {
  const made = plan("3.8.35");
  assert.deepEqual(
    made.queues.map(({ name, from, to }) => [name, from, to]),
    [
      ["bills", "mirrored", "quorum"],
      ["two.a", "mirrored", "quorum"],
      ["lazy.a", "mirrored", "quorum"],
      ["now", "mirrored", "classic"],
    ],
  );
  assert.deepEqual(names(made.definitions, "policies"), ["lazy in shop"]);
  assert.deepEqual(made.definitions.policies[0]?.["definition"], { "max-length": 1000 });
  assert.deepEqual(said(made, "policy two in /"), ["is left out, because nothing remains of it"]);
  assert.deepEqual(said(made, "policy lazy in shop"), ["goes without ha-mode, queue-mode"]);
  assert.deepEqual(argumentsOf(made, "lazy.a"), { "x-queue-type": "quorum" });
  assert.equal(made.queues[2]?.limits.maxLength, 1000);
});

test("3.8: users, permissions and bindings move as they are; the stack's own and guest stay", () => {
  const { definitions, moves, findings } = plan("3.8.35");
  assert.deepEqual(names(definitions, "users"), ["app"]);
  assert.deepEqual(names(definitions, "permissions"), ["admin in shop", "app in shop"]);
  assert.deepEqual(definitions.global_parameters, []);
  assert.equal(moves.filter(({ category }) => category === "bindings").length, 2);
  assert.equal(moves.filter(({ category }) => category === "vhosts").length, 2);
  assert.deepEqual(findings.find(({ subjects }) => subjects.includes("user guest"))?.outcome, "cannot");
});

test("another administrator of NEW needs no permission of OLD's", () => {
  const { definitions } = plan("3.8.35", { ...four, adminUser: "root" });
  assert.deepEqual(names(definitions, "permissions"), ["app in shop"]);
});

test("3.10: each queue has the type with which its client finds it again", () => {
  const made = plan("3.10.8");
  const kinds = Object.fromEntries(made.queues.map(({ name, from, to }) => [name, `${from} ${to}`]));
  assert.deepEqual(kinds, {
    plain: "mirrored quorum",
    stated: "mirrored quorum",
    // The operator policy has mirrors for these, too.
    "single.stated": "mirrored quorum",
    "single.plain": "mirrored quorum",
    priorities: "mirrored quorum",
    lazy: "mirrored quorum",
    ttl: "mirrored quorum",
    over: "mirrored quorum",
    "dl.a": "mirrored quorum",
    one: "mirrored quorum",
    temporary: "mirrored classic",
    transient: "mirrored classic",
    bills: "quorum quorum",
    limited: "quorum quorum",
    log: "stream stream",
    version: "mirrored classic",
  });
});

test("a classic queue without mirrors stays one only if its client says so", () => {
  const old = read("3.10.8");
  const parameters = old.parameters.filter(({ component }) => component !== "operator_policy");
  const { queues } = translate({ ...old, parameters }, origin, four);
  const kinds = queues.filter(({ name }) => name.startsWith("single.")).map(({ from, to }) => [from, to]);
  assert.deepEqual(kinds, [
    ["classic", "classic"],
    ["classic", "quorum"],
  ]);
});

test("where OLD writes the default type into arguments, a client may have stated none", () => {
  const old = read("3.13.7");
  const policies = old.policies.filter(({ name }) => name !== "ha-all");
  const made = translate({ ...old, policies }, origin, four);
  assert.deepEqual(made.queues[0]?.to, "quorum");
});

test("arguments that a quorum queue refuses go, and those that a client's are compared with stay", () => {
  const made = plan("3.10.8");
  assert.deepEqual(argumentsOf(made, "priorities"), { "x-queue-type": "quorum" });
  assert.deepEqual(argumentsOf(made, "lazy"), { "x-queue-type": "quorum" });
  assert.deepEqual(argumentsOf(made, "ttl"), {
    "x-queue-type": "quorum",
    "x-message-ttl": 60_000,
    "x-expires": 600_000,
    "x-max-length": 10,
    "x-overflow": "reject-publish",
  });
  assert.deepEqual(argumentsOf(made, "one"), { "x-queue-type": "quorum", "x-single-active-consumer": true });
});

test("a client that states classic would be refused without relaxed checks", () => {
  assert.deepEqual(
    about(plan("3.10.8"), "queue stated in /").filter(({ isBlocking }) => isBlocking),
    [],
  );
  const strict = plan("3.10.8", { ...four, hasRelaxedChecks: false });
  const [finding] = strict.findings.filter(
    ({ isBlocking, what }) => isBlocking && what.includes("x-queue-type"),
  );
  assert.deepEqual(finding?.subjects, ["queue stated in /", "queue single.stated in /"]);
  assert.match(finding.remedy ?? "", /relaxed_checks_on_redeclaration: true to rabbitmq.settings of NEW/);
});

test("with classic as NEW's default every client would be refused without relaxed checks", () => {
  const made = plan("3.8.35", { ...four, defaultQueueType: "classic", hasRelaxedChecks: false });
  assert.ok(about(made, "queue bills in shop").some(({ isBlocking }) => isBlocking));
});

test("reject-publish-dlx stays in the declaration, and an operator policy makes it reject-publish", () => {
  const made = plan("3.10.8");
  assert.equal((argumentsOf(made, "over") as Record<string, unknown>)["x-overflow"], "reject-publish-dlx");
  const operator = made.definitions.parameters.find(({ name }) => name === "overflow of over");
  assert.deepEqual(operator?.["value"], {
    pattern: "^over$",
    "apply-to": "queues",
    priority: 1,
    definition: { "max-length": 100_000, overflow: "reject-publish" },
  });
  const limits = made.queues.find(({ name }) => name === "over")?.limits;
  assert.deepEqual(limits, { maxLength: 5, overflow: "reject-publish", deadLetterExchange: "dead" });
  const policy = made.definitions.policies.find(({ name }) => name === "dead");
  assert.deepEqual(policy?.["definition"], { "dead-letter-exchange": "dead", overflow: "reject-publish" });
});

test("priorities: two levels up to 4.2, 32 from 4.3 on", () => {
  assert.match(
    said(plan("3.10.8"), "queue priorities in /").join("\n"),
    /two priorities, high \(5 and more\)/,
  );
  assert.match(
    said(plan("3.10.8", fourThree), "queue priorities in /").join("\n"),
    /keeps strict priorities/,
  );
  assert.equal(plan("3.10.8").queues.find(({ name }) => name === "priorities")?.maxPriority, 10);
});

test("the delivery limit comes first, and says what becomes of a message", () => {
  const { findings } = plan("3.10.8");
  assert.equal(findings[0]?.what, "a message that is returned more than 20 times is dropped");
  assert.ok(findings[0].subjects.includes("queue bills in /"));
  assert.ok(!findings[0].subjects.includes("queue limited in /"));
  const dead = findings.find(({ what }) => what.endsWith("20 times is dead-lettered"));
  assert.deepEqual(dead?.subjects, ["queue over in /", "queue dl.a in /"]);
  const without = plan("3.8.35", { ...four, policy: { "delivery-limit": -1 } });
  assert.deepEqual(without.findings.find(({ what }) => what.includes("returned"))?.subjects, [
    "queue lazy.a in shop",
  ]);
});

test("4.3 denies queues that are neither durable nor exclusive, unless that is permitted", () => {
  const made = plan("3.10.8", fourThree);
  const [finding] = about(made, "queue transient in /");
  assert.equal(finding?.isBlocking, true);
  assert.match(finding.remedy ?? "", /^add deprecated_features.permit.transient_nonexcl_queues: true/);
  assert.ok(!made.queues.some(({ name }) => name === "transient"));
  const permitted = plan("3.10.8", { ...fourThree, permits: ["transient_nonexcl_queues"] });
  assert.ok(permitted.queues.some(({ name }) => name === "transient"));
});

test("4.3 does not take the master locator and version 1 for a classic queue", () => {
  const blocking = about(plan("3.10.8", fourThree), "queue version in /").filter(
    ({ isBlocking }) => isBlocking,
  );
  assert.deepEqual(
    blocking.map(({ what }) => what),
    [
      "is declared with x-queue-master-locator, so a client that does so again would be refused",
      "is declared with x-queue-version, so a client that does so again would be refused",
    ],
  );
  assert.deepEqual(argumentsOf(plan("3.10.8"), "version"), {
    "x-queue-type": "classic",
    "x-queue-version": 1,
    "x-queue-master-locator": "min-masters",
  });
});

test("a queue that the broker named is left out with its bindings", () => {
  const made = plan("3.10.8");
  assert.ok(!names(made.definitions, "queues").some((name) => name.startsWith("amq.")));
  assert.ok(!names(made.definitions, "bindings").some((name) => name.includes("amq.gen")));
  assert.equal(about(made, "queue amq.gen-1a in /")[0]?.outcome, "cannot");
});

test("an exchange type that NEW lacks is refused with the plug-in that has it", () => {
  const [finding] = about(plan("3.10.8"), "exchange spread in /");
  assert.deepEqual(
    [finding?.isBlocking, finding?.remedy],
    [true, "add rabbitmq_consistent_hash_exchange to rabbitmq.plugins of NEW and run up"],
  );
});

test("what moves messages by itself comes last, and no secret of it is told", () => {
  const made = plan("3.10.8");
  assert.deepEqual(names(made.later, "parameters"), ["shovel out in /"]);
  assert.ok(!names(made.definitions, "parameters").includes("shovel out in /"));
  assert.ok(!JSON.stringify(made.findings).includes("secret"));
  const lacking = plan("3.13.7");
  assert.match(
    about(lacking, "parameter federation-upstream far in /")[0]?.remedy ?? "",
    /add rabbitmq_federation/,
  );
  assert.match(about(lacking, "policy far in /")[0]?.remedy ?? "", /add rabbitmq_federation/);
});

test("a policy of classic queues follows them", () => {
  const policy = plan("3.13.7").definitions.policies.find(({ name }) => name === "classic");
  assert.equal(policy?.["apply-to"], "quorum_queues");
});

test("what OLD's own policy says besides mirrors has to be said in NEW", () => {
  const [finding] = about(plan("3.13.7"), "policy ha-all in /");
  assert.equal(finding?.isBlocking, true);
  assert.equal(finding.remedy, "add { max-length: 5000 } to rabbitmq.policy.definition of NEW and run up");
  const same = plan("3.13.7", { ...four, policy: { "delivery-limit": 20, "max-length": 5000 } });
  assert.deepEqual(about(same, "policy ha-all in /"), []);
});

test("a virtual host keeps a chosen default type, and classic gives way to NEW's", () => {
  const [root, shop] = plan("3.13.7").definitions.vhosts;
  assert.deepEqual(root?.["metadata"], { description: "Default virtual host", tags: [] });
  assert.deepEqual(shop?.["metadata"], { default_queue_type: "quorum", description: "", tags: ["a"] });
});

test("a stream keeps its arguments, and its offsets begin anew", () => {
  const made = plan("3.10.8");
  assert.deepEqual(argumentsOf(made, "log"), { "x-queue-type": "stream", "x-max-age": "1D" });
  assert.match(said(made, "queue log in /").join("\n"), /offsets begin anew/);
});

for (const version of ["3.8.35", "3.10.8", "3.13.7"]) {
  for (const target of [four, fourThree]) {
    test(`${version} → ${target.version}: an empty cluster takes all of it, and once more nothing`, () => {
      const { definitions } = plan(version, target);
      const own = { adminUser: "admin", policyName: "quorum-all" };
      const present = definitionsOf({ users: [{ name: "admin" }] }, target.version);
      const difference = compareDefinitions(definitions, present, own);
      assert.deepEqual([difference.leftOut, difference.conflicting], [[], []]);
      const users = [...definitions.users, { name: "admin" }];
      const again = compareDefinitions(definitions, { ...definitions, users }, own);
      assert.deepEqual([again.made, again.changed, again.conflicting], [[], [], []]);
    });
  }
}

test("a policy of which only RabbitMQ knows what it matches stands against the migration, and so does the stack's own", () => {
  const given = read("3.10.8");
  const row = { vhost: "/", "apply-to": "classic_queues", priority: 5 };
  const policies = [
    { ...row, name: "short", pattern: "^[[:alpha:]]+$", definition: { "message-ttl": 1000 } },
    { ...row, name: origin.policyName, pattern: "^(?>a)", definition: { "ha-mode": "all" } },
  ];
  const made = translate({ ...given, policies }, origin, four);
  for (const subject of ["policy short in /", `policy ${origin.policyName} in /`])
    assert.match(
      about(made, subject)
        .filter(({ isBlocking }) => isBlocking)
        .map(({ what }) => what)
        .join(),
      /has the pattern .* of which only RabbitMQ knows what it matches/,
    );
});
