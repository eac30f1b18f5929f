/** Which resources a repair re-runs for which findings, and what it prints of the others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { planRepair, type RepairPlan, type StateResource } from "../../../cli/repair-plan.ts";
import { hasTakenEffect } from "../../../cli/repair.ts";
import { skippedMessage, repairTable, planMessage } from "../../../cli/repair-messages.ts";
import {
  fail,
  type Finding,
  needsOperator,
  hostUnreachable,
  type Verdict,
  pass,
} from "../../../verify/finding.ts";

const remote = "command:remote:Command";
const urn = (name: string, type = remote): string => `urn:pulumi:dev::rabbitmq-ha::${type}::${name}`;
const command = (
  name: string,
  parent: string,
  needs: readonly string[],
  over: Partial<StateResource> = {},
) => ({
  urn: urn(name),
  type: remote,
  parent: urn(parent, "component"),
  inputs: { create: "" },
  dependencies: needs.map((each) => (each.endsWith("-machine") ? urn(each, "local") : urn(each))),
  ...over,
});

/** The resources of a state, in its order, reduced to what a repair reads. */
const state: readonly StateResource[] = [
  { urn: urn("cluster", "component"), type: "rabbitmq-ha:index:RabbitCluster" },
  {
    urn: urn("cent120-machine", "local"),
    type: "command:local:Command",
    parent: urn("lab", "component"),
    inputs: { create: "", delete: "" },
  },
  command("cent120-ready", "lab", ["cent120-machine"]),
  command("cent123-ready", "lab", []),
  command("cent120-config", "cent120", ["cent120-ready"]),
  command("haproxy-cent123-packages", "haproxy", ["cent123-ready"]),
  command("haproxy-cent123-config", "haproxy", ["cent123-ready", "haproxy-cent123-packages"]),
  command("haproxy-cent123-service", "haproxy", ["cent123-ready", "haproxy-cent123-config"]),
  command("cent120-service", "cent120", ["cent120-config", "cent120-ready"]),
  command("cent120-member", "cent120", ["cent120-ready", "cent120-service"]),
  command("cluster-name", "cluster", ["cent120-ready", "cent120-member"]),
  command("mirror-policy-undo", "mirror-policy", ["cent120-ready", "cent120-member"], {
    inputs: { create: "", delete: "" },
  }),
  command("mirror-policy-set", "mirror-policy", ["cent120-ready", "cent120-member", "mirror-policy-undo"]),
];

const finding = (check: string, subject: string, verdict: Verdict): Finding => ({
  check,
  subject,
  ...verdict,
});
const names = ({ urnsToReplace }: RepairPlan): string[] =>
  urnsToReplace.map((each) => each.split("::").at(-1) ?? "");
const kinds = ({ skipped }: RepairPlan): string[] => skipped.map(({ kind, name }) => `${kind} ${name}`);

test("passed checks need no repair", () => {
  assert.deepEqual(planRepair([finding("policy", "cent120", pass("is there"))], state), {
    reruns: [],
    urnsToReplace: [],
    skipped: [],
  });
});

test("a resource is replaced once for all findings that name it, with nothing of another component", () => {
  const findings = ["cent120", "cent121"].map((host) =>
    finding("policy", host, fail("none", "mirror-policy-set")),
  );
  const plan = planRepair(findings, state);
  assert.deepEqual(plan.urnsToReplace, [urn("mirror-policy-set")]);
  assert.deepEqual(plan.reruns, [{ name: "mirror-policy-set", findings, prerequisites: [] }]);
  assert.equal(planMessage(plan), "To re-run:\n  mirror-policy-set\n    for policy on cent120, cent121");
});

test("a service comes after its files; several are in the order of the state", () => {
  const plan = planRepair(
    [
      finding("services", "cent120", fail("", "cent120-service")),
      finding("backends", "cent123", fail("", "haproxy-cent123-service")),
    ],
    state,
  );
  assert.deepEqual(names(plan), [
    ...["cent120-config", "haproxy-cent123-packages", "haproxy-cent123-config"],
    ...["haproxy-cent123-service", "cent120-service"],
  ]);
  assert.match(
    planMessage(plan),
    /after its prerequisites: haproxy-cent123-packages, haproxy-cent123-config$/,
  );
});

test("a resource is not re-run twice, and is reported if its check still fails", () => {
  const findings = [finding("services", "cent120", fail("", "cent120-member"))];
  const done = new Set([urn("cent120-config"), urn("cent120-service")]);
  assert.deepEqual(names(planRepair(findings, state, done)), ["cent120-member"]);
  const again = planRepair(findings, state, done.add(urn("cent120-member")));
  assert.deepEqual([names(again), kinds(again)], [[], ["still failing cent120-member"]]);
  assert.match(skippedMessage(again, false), /cent120-member was re-run, and its checks still fail/);
});

test("a machine, or anything else with an undo, is never replaced", () => {
  for (const name of ["cent120-machine", "mirror-policy-undo"]) {
    const plan = planRepair([finding("x", "y", fail("", name))], state);
    assert.deepEqual([names(plan), kinds(plan)], [[], [`has undo ${name}`]]);
    assert.match(
      skippedMessage(plan, true),
      /has an undo, so a repair never replaces it.*a machine would lose its data/,
    );
  }
});

test("a policy whose state still has an undo from an earlier release is left to the update", () => {
  const old = state.map((each) =>
    each.urn === urn("mirror-policy-set") ? { ...each, inputs: { create: "", delete: "" } } : each,
  );
  const plan = planRepair([finding("policy", "cent120", fail("", "mirror-policy-set"))], old);
  assert.deepEqual([names(plan), kinds(plan)], [[], ["has undo mirror-policy-set"]]);
});

test("a resource that is missing in the state, or pending deletion, is reported", () => {
  const findings = [finding("services", "cent120", fail("", "cent120-watch-service"))];
  const dying = command("cent120-watch-service", "cent120", [], { delete: true });
  for (const resources of [state, [...state, dying]]) {
    const plan = planRepair(findings, resources);
    assert.deepEqual([names(plan), kinds(plan)], [[], ["missing cent120-watch-service"]]);
    assert.match(skippedMessage(plan, true), /is not in the stack's state. The update creates/);
    assert.match(planMessage(plan), /^No resource can be re-run/);
  }
});

test("nothing is re-run on a host that cannot be logged in to", () => {
  const findings = [
    finding("members", "cent120", fail("no answer in time", "cent120-service")),
    finding("cluster name", "cent120", fail("", "cluster-name")),
    finding(
      "holder",
      "virtual address",
      hostUnreachable("cent120", "held by cent123; cent120 cannot be asked"),
    ),
    finding("services", "cent120", hostUnreachable("cent120", "no host answers at 192.168.56.120:22")),
    finding("services", "cent123", fail("", "haproxy-cent123-service")),
  ];
  const plan = planRepair(findings, state);
  assert.equal(names(plan).at(-1), "haproxy-cent123-service");
  assert.ok(!names(plan).some((name) => name.startsWith("c")));
  assert.deepEqual(kinds(plan), ["unreachable cent120"]);
  assert.match(
    skippedMessage(plan, true),
    /cent120 cannot be logged in to \(no host answers at 192.168.56.120:22\), so nothing is re-run on it; skipped: cent120-service, cluster-name\. .*podman start cent120"/,
  );
  assert.match(
    skippedMessage(plan, false),
    /Switch it on, or make it reachable; its services start with it\.$/,
  );
});

test("a finding that no resource repairs is reported with what to do", () => {
  const alarm = finding("alarms", "cent120", needsOperator("alarm in force: disk", "free disk"));
  const unknown = finding("message", "virtual address", fail("other bytes"));
  const plan = planRepair([alarm, unknown], state);
  assert.deepEqual(names(plan), []);
  assert.equal(
    skippedMessage(plan, true),
    [
      "Left to you:",
      "  - alarms on cent120 (alarm in force: disk): no resource repairs this; free disk.",
      "  - message on virtual address (other bytes): no resource repairs this; see what the check found.",
    ].join("\n"),
  );
});

test("a finding may both name a resource and have advice", () => {
  const both = { ...fail("two things", "cluster-name"), advice: "do that" };
  const plan = planRepair([finding("x", "y", both)], state);
  assert.deepEqual([names(plan), kinds(plan)], [["cluster-name"], ["needs operator x"]]);
});

test("a repair has taken effect once the checks that it was made for pass, and no earlier", () => {
  const backends = (verdict: Verdict): Finding => ({ check: "backends", subject: "cent124", ...verdict });
  const other = { check: "policy", subject: "cent121", ...needsOperator("another one", "look") };
  const down = backends(fail("cent122 is DOWN", "cent122-service"));
  const plan = (name: string, reason: Finding): Pick<RepairPlan, "reruns" | "skipped"> => ({
    reruns: [{ name, findings: [reason], prerequisites: [] }],
    skipped: [{ kind: "needs operator", name: "policy", findings: [other], resources: [] }],
  });
  const has = hasTakenEffect(plan("cent122-service", down), [down, other]);
  const elsewhere = { check: "services", subject: "cent122", ...fail("inactive", "cent122-service") };
  for (const early of [down, backends(fail("cent122 is DOWN 1/2")), elsewhere])
    assert.equal(has([early, other]), false);
  assert.equal(has([backends(pass("all up")), other]), true);
  // The broker waited for others, so its service was not re-run, but what kept it from them was.
  const apart = { check: "inter-node", subject: "cent122", ...fail("without TLS", "cent122-inter-node") };
  const joins = hasTakenEffect(plan("cent122-inter-node", apart), [down, apart, other]);
  assert.equal(joins([backends(fail("cent122 is DOWN 1/2")), other]), false);
  assert.equal(joins([backends(pass("all up")), other]), true);
  assert.equal(hasTakenEffect({ reruns: [], skipped: [] }, [down])([down]), true);
});

test("the table after a repair has each failed check with its result now", () => {
  const before = [
    finding("policy", "cent120", fail("none\nat all", "mirror-policy-set")),
    finding("alarms", "cent120", fail("disk")),
    finding("users", "cluster", pass("admin")),
  ];
  const after = [finding("policy", "cent120", pass("there")), finding("alarms", "cent120", fail("disk"))];
  assert.deepEqual(repairTable(before, after).split("\n"), [
    "check   on       now     resources          before the repair",
    "policy  cent120  whole   mirror-policy-set  none at all",
    "alarms  cent120  FAILED  -                  disk",
  ]);
});
