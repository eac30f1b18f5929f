/** How verify judges the policies and members of the users' own queues. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Verdict } from "../../../verify/finding.ts";
import { judgePolicyCoverage, type PolicyReport, type PolicyRow } from "../../../verify/checks/policies.ts";
import type { QueueOverview } from "../../../verify/queue-overview.ts";
import { judgeNewQuorumQueue, judgeQuorumMembers } from "../../../verify/checks/quorum.ts";

const brokers = ["cent120", "cent121", "cent122"];
const wanted = {
  name: "ha-all",
  pattern: "^",
  definition: { "ha-mode": "all", "ha-sync-mode": "automatic" },
};
const own: PolicyRow = { vhost: "/", priority: 0, ...wanted };
const policy = (over: Partial<PolicyRow>): PolicyRow => ({ ...own, name: "other", priority: 10, ...over });
const mirrored = { policy: "ha-all", slave_nodes: ["rabbit@cent121", "rabbit@cent122"] };
const queue = (name: string, over: Partial<QueueOverview> = {}): QueueOverview => ({
  name,
  vhost: "/",
  exclusive: false,
  state: "running",
  arguments: {},
  ...over,
});
const judge = (report: Partial<PolicyReport>, over: Partial<typeof wanted> = {}): Verdict =>
  judgePolicyCoverage(
    { queues: [], policies: [own], operatorPolicies: [], ...report },
    { ...wanted, ...over },
    brokers,
  );

test("queues with the stack's policy pass, and so does a system without queues", () => {
  assert.equal(judge({ queues: [queue("a", mirrored), queue("b", mirrored)] }).ok, true);
  assert.equal(judge({}).ok, true);
});

test("a policy of higher priority without mirrors is named, with the queues and what to do", () => {
  const lost = policy({ name: "short", definition: { "max-length": 5 } });
  // The last one does not say which policy it has.
  const queues = [
    queue("a", mirrored),
    queue("b", { policy: "short" }),
    queue("c", { policy: "short" }),
    queue("d"),
  ];
  const { ok, detail, advice, resourcesToRerun } = judge({ queues, policies: [own, lost] });
  assert.equal(ok, false);
  assert.equal(
    detail,
    'the policy short (priority 10) of the virtual host / leaves 2 queues, such as "b" without mirrors',
  );
  assert.equal(advice, "give it the ha-mode of ha-all, or clear it: rabbitmqctl clear_policy -p '/' 'short'");
  assert.deepEqual(resourcesToRerun, []);
});

test("a policy of one copy takes the mirrors too; one with mirrors of its own is somebody's choice", () => {
  const one = policy({ definition: { "ha-mode": "exactly", "ha-params": 1 } });
  assert.equal(
    judge({ queues: [queue("a", { policy: "other", slave_nodes: [] })], policies: [own, one] }).ok,
    false,
  );
  const two = policy({ definition: { "ha-mode": "exactly", "ha-params": 2 } });
  const kept = queue("a", { policy: "other", slave_nodes: ["rabbit@cent121"] });
  assert.equal(judge({ queues: [kept], policies: [own, two] }).ok, true);
  // Its mirrors are away for another reason than the policy.
  assert.equal(
    judge({ queues: [queue("a", { policy: "other", slave_nodes: [] })], policies: [own, two] }).ok,
    true,
  );
});

test("an operator policy that takes the mirrors is named as such; one of other things is none", () => {
  const queues = [queue("it's", { policy: "ha-all", slave_nodes: [] })];
  const limit = policy({ name: "limit", definition: { "max-length": 5 } });
  assert.equal(judge({ queues, operatorPolicies: [limit] }).ok, true);
  const single = policy({
    name: "single",
    pattern: "^it",
    definition: { "ha-mode": "exactly", "ha-params": 1 },
  });
  const { detail, advice } = judge({ queues, operatorPolicies: [limit, single] });
  assert.match(
    detail,
    /^the operator policy single \(priority 10\) .* leaves the queue "it's" without mirrors$/,
  );
  assert.match(advice ?? "", /clear_operator_policy -p '\/' 'single'$/);
  assert.equal(judge({ queues, operatorPolicies: [{ ...single, pattern: "^x" }] }).ok, true);
  assert.equal(judge({ queues, operatorPolicies: [{ ...single, vhost: "shop" }] }).ok, true);
  assert.equal(judge({ queues, operatorPolicies: [{ ...single, pattern: "^[[:alpha:]]+t" }] }).ok, false);
});

test("with a pattern that only RabbitMQ reads, the queues that have the policy are looked at, and it is said", () => {
  const pattern = "^[[:alpha:]]+$";
  const queues = [queue("a", { policy: "ha-all", slave_nodes: [] }), queue("b", { policy: "other" })];
  const single = policy({ name: "single", definition: { "ha-mode": "exactly", "ha-params": 1 } });
  assert.match(
    judge({ queues, operatorPolicies: [single] }, { pattern }).detail,
    /leaves the queue "a" without mirrors/,
  );
  assert.match(
    judge({ queues }, { pattern }).detail,
    /on 1 queues of the users; only RabbitMQ knows whether \^\[\[:alpha:\]\]\+\$ matches others/,
  );
});

test("what the stack's policy is not for is no finding", () => {
  const lost = policy({ name: "short", definition: {} });
  const policies = [own, lost];
  const without = (over: Partial<QueueOverview>, name = "a"): QueueOverview =>
    queue(name, { policy: "short", ...over });
  for (const over of [{ exclusive: true }, { type: "quorum" }, { type: "stream" }, { state: "down" }])
    assert.equal(judge({ queues: [without(over)], policies }).ok, true, JSON.stringify(over));
  assert.equal(judge({ queues: [without({})], policies }, { pattern: "^orders" }).ok, true);
  assert.equal(judge({ queues: [without({})], policies }, { pattern: "(?i)^A" }).ok, false);
  // A pattern of PCRE that cannot be judged here.
  assert.equal(judge({ queues: [without({})], policies }, { pattern: "^(?>a)" }).ok, true);
  assert.equal(judge({ queues: [without({})], policies }).ok, false);
});

test("a virtual host without the policy is reported for a re-run, unless it has no queues that need it", () => {
  const shop = (over: Partial<QueueOverview>, name = "a"): QueueOverview =>
    queue(name, { vhost: "it's", ...over });
  const { ok, detail, advice, resourcesToRerun } = judge({ queues: [shop({}), shop({}, "b")] });
  assert.equal(ok, false);
  assert.equal(
    detail,
    'the virtual host it\'s has no policy ha-all, and 2 queues, such as "a" there have none of its like',
  );
  assert.equal(advice, undefined);
  assert.deepEqual(resourcesToRerun, ["mirror-policy-set"]);
  assert.equal(judge({ queues: [shop({ policy: "without mirrors" })] }).ok, false);
  // Mirrored by a policy of another name, of a type that has no mirrors, or of a client that is connected.
  for (const over of [{ policy: "x", slave_nodes: [] }, { type: "quorum" }, { exclusive: true }])
    assert.equal(judge({ queues: [shop(over)] }).ok, true, JSON.stringify(over));
  assert.equal(judge({ queues: [shop(mirrored)], policies: [own, { ...own, vhost: "it's" }] }).ok, true);
});

test("somebody else's policy of the stack's name is named where it leaves queues without mirrors", () => {
  const bare = queue("a", { vhost: "shop", policy: "ha-all", slave_nodes: [] });
  const theirs = policy({ vhost: "shop", name: "ha-all", definition: { "max-length": 5 } });
  const { ok, detail, advice } = judge({ queues: [bare], policies: [own, theirs] });
  assert.equal(ok, false);
  assert.match(detail, /^the policy ha-all \(priority 10\) of the virtual host shop leaves the queue "a"/);
  assert.match(advice ?? "", /^it is not the stack's; .*clear_policy -p 'shop' 'ha-all'$/);
  // The stack itself wants no mirrors.
  const wanted = { definition: theirs.definition as never };
  assert.equal(judge({ queues: [bare], policies: [own, theirs] }, wanted).ok, true);
  const one = { "ha-mode": "exactly", "ha-params": 1 };
  const single = policy({ vhost: "shop", name: "ha-all", definition: one });
  assert.equal(judge({ queues: [bare], policies: [own, single] }, { definition: one as never }).ok, true);
  const mirroring = policy({ vhost: "shop", name: "ha-all" });
  assert.equal(judge({ queues: [bare], policies: [own, mirroring] }).ok, true);
});

test("that the policy is missing in / is left to the check of the policy itself", () => {
  assert.equal(judge({ queues: [queue("a")], policies: [] }).ok, true);
});

test("RabbitMQ 4, which has no mirrors: only a virtual host without the policy is reported", () => {
  const four = { definition: { "delivery-limit": 5 } as never };
  const row = { ...own, definition: four.definition };
  const quorum = (vhost: string, over: Partial<QueueOverview> = {}): QueueOverview =>
    queue("q", {
      vhost,
      type: "quorum",
      policy: "",
      members: brokers.map((name) => `rabbit@${name}`),
      ...over,
    });
  assert.equal(judge({ queues: [quorum("/", { policy: "ha-all" })], policies: [row] }, four).ok, true);
  assert.equal(
    judge({ queues: [quorum("/", { policy: "other" })], policies: [row, policy({ definition: {} })] }, four)
      .ok,
    true,
  );
  assert.equal(judge({ queues: [quorum("shop", { policy: "other" })], policies: [row] }, four).ok, true);
  const bare = judge({ queues: [quorum("shop")], policies: [row] }, four);
  assert.match(bare.detail, /^the virtual host shop has no policy ha-all, and the queue "q" there/);
  const report = { queues: [quorum("shop")], policies: [row], operatorPolicies: [] };
  const rerun = judgePolicyCoverage(report, { ...wanted, ...four }, brokers, "quorum").resourcesToRerun;
  assert.deepEqual(rerun, ["quorum-policy-set"]);
});

const quorum = (name: string, members: readonly string[], over: Partial<QueueOverview> = {}): QueueOverview =>
  queue(name, { type: "quorum", members: members.map((each) => `rabbit@${each}`), ...over });

test("a quorum queue with a member on every broker passes", () => {
  assert.equal(judgeQuorumMembers([quorum("q", brokers), queue("classic")], brokers).ok, true);
});

test("quorum queues with fewer members are reported in one sentence for each kind, with what to run", () => {
  const few = ["cent120", "cent121"];
  const queues = [
    quorum("a", few),
    quorum("b", [...few].reverse()),
    quorum("c", ["cent120", "old1", "old2"]),
  ];
  const { ok, detail, advice } = judgeQuorumMembers(queues, brokers);
  assert.equal(ok, false);
  assert.equal(
    detail,
    'the quorum queue "a" of the virtual host / and 1 more: members on cent120, cent121, expected 3; ' +
      'the quorum queue "c" of the virtual host /: members on cent120, expected 3',
  );
  assert.equal(
    advice,
    "run on a broker: rabbitmq-queues grow rabbit@cent122 all; " +
      "run on a broker: rabbitmq-queues grow rabbit@cent121 all; rabbitmq-queues grow rabbit@cent122 all",
  );
});

test("a quorum queue needs no more members than RabbitMQ gives it, or than were asked for", () => {
  const five = ["a", "b", "c", "d", "e"];
  assert.equal(judgeQuorumMembers([quorum("q", ["a", "b", "c"])], five).ok, true);
  assert.equal(judgeQuorumMembers([quorum("q", ["a", "b"])], five).ok, false);
  const asked = (size: number) => ({ arguments: { "x-quorum-initial-group-size": size } });
  assert.equal(judgeQuorumMembers([quorum("q", ["cent120"], asked(1))], brokers).ok, true);
  assert.equal(judgeQuorumMembers([quorum("q", ["a", "b", "c"], asked(5))], five).ok, false);
  assert.equal(judgeQuorumMembers([quorum("q", brokers, asked(5))], brokers).ok, true);
  // An empty table of arguments may come as a list.
  assert.equal(judgeQuorumMembers([quorum("q", brokers, { arguments: [] })], brokers).ok, true);
});

test("a queue declared without a type has to be a quorum queue with three members, if quorum is the default", () => {
  const row = { node: "rabbit@cent120", type: "quorum", members: brokers.map((name) => `rabbit@${name}`) };
  assert.deepEqual(judgeNewQuorumQueue(row, brokers), {
    ok: true,
    detail: "a quorum queue, leader on cent120, members on cent120, cent121, cent122",
    resourcesToRerun: [],
  });
  // RabbitMQ 3.10 does not list the leader's node at first.
  assert.deepEqual(judgeNewQuorumQueue({ ...row, node: undefined }, brokers), {
    ok: true,
    detail: "a quorum queue, members on cent120, cent121, cent122",
    resourcesToRerun: [],
  });
  assert.equal(judgeNewQuorumQueue(row, [...brokers, "cent125", "cent126"]).ok, true);
  const classic = judgeNewQuorumQueue({ node: "rabbit@cent120", type: "classic" }, brokers);
  assert.match(classic.detail, /is classic, expected quorum/);
  assert.deepEqual(classic.resourcesToRerun, ["quorum-policy-set"]);
  const short = judgeNewQuorumQueue({ ...row, members: row.members.slice(1) }, brokers);
  assert.match(short.detail, /members on cent121, cent122; expected 3 of them$/);
  assert.deepEqual(short.resourcesToRerun, ["cent120-service"]);
});
