/** Which resources a repair replaces for which findings, and what it says of those that it leaves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { planRepair, type Plan, type StateResource } from "../../../cli/repair-plan.ts";
import { leftOut, mended, planWords } from "../../../cli/repair-messages.ts";
import {
  broken,
  type Finding,
  unmendable,
  unreachable,
  type Verdict,
  whole,
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

/** As much of a state as matters, in its order. */
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
  command("mirror-policy-set", "mirror-policy", ["cent120-ready", "cent120-member"]),
  command("mirror-policy-undo", "mirror-policy", ["cent120-ready", "mirror-policy-set"], {
    inputs: { create: "", delete: "" },
  }),
];

const finding = (check: string, subject: string, verdict: Verdict): Finding => ({
  check,
  subject,
  ...verdict,
});
const names = ({ urns }: Plan): string[] => urns.map((each) => each.split("::").at(-1) ?? "");
const kinds = ({ left }: Plan): string[] => left.map(({ kind, name }) => `${kind} ${name}`);

test("what is whole needs nothing", () => {
  assert.deepEqual(planRepair([finding("policy", "cent120", whole("is there"))], state), {
    reruns: [],
    urns: [],
    left: [],
  });
});

test("a resource is replaced once, for all the findings that name it, and nothing of another component", () => {
  const findings = ["cent120", "cent121"].map((host) =>
    finding("policy", host, broken("none", "mirror-policy-set")),
  );
  const plan = planRepair(findings, state);
  assert.deepEqual(plan.urns, [urn("mirror-policy-set")]);
  assert.deepEqual(plan.reruns, [{ name: "mirror-policy-set", reasons: findings, first: [] }]);
  assert.equal(planWords(plan), "Run again:\n  mirror-policy-set\n    for policy on cent120, cent121");
});

test("a service comes after its files, and several in the order of the state", () => {
  const plan = planRepair(
    [
      finding("services", "cent120", broken("", "cent120-service")),
      finding("backends", "cent123", broken("", "haproxy-cent123-service")),
    ],
    state,
  );
  assert.deepEqual(names(plan), [
    ...["cent120-config", "haproxy-cent123-packages", "haproxy-cent123-config"],
    ...["haproxy-cent123-service", "cent120-service"],
  ]);
  assert.match(planWords(plan), /after what it stands on: haproxy-cent123-packages, haproxy-cent123-config$/);
});

test("what was run again is not once more, and said to be in vain", () => {
  const findings = [finding("services", "cent120", broken("", "cent120-member"))];
  const done = new Set([urn("cent120-config"), urn("cent120-service")]);
  assert.deepEqual(names(planRepair(findings, state, done)), ["cent120-member"]);
  const vain = planRepair(findings, state, done.add(urn("cent120-member")));
  assert.deepEqual([names(vain), kinds(vain)], [[], ["in vain cent120-member"]]);
  assert.match(leftOut(vain, false), /cent120-member was run again and that did not mend it/);
});

test("a machine, or anything else with an undo, is never replaced", () => {
  for (const name of ["cent120-machine", "mirror-policy-undo"]) {
    const plan = planRepair([finding("x", "y", broken("", name))], state);
    assert.deepEqual([names(plan), kinds(plan)], [[], [`undone ${name}`]]);
    assert.match(
      leftOut(plan, true),
      /has an undo, so it is never replaced here.*a machine would lose its data/,
    );
  }
});

test("a policy whose state still has its old undo is left to the update", () => {
  const old = state.map((each) =>
    each.urn === urn("mirror-policy-set") ? { ...each, inputs: { create: "", delete: "" } } : each,
  );
  const plan = planRepair([finding("policy", "cent120", broken("", "mirror-policy-set"))], old);
  assert.deepEqual([names(plan), kinds(plan)], [[], ["undone mirror-policy-set"]]);
});

test("a name that the state has not, or only for its deletion, is said", () => {
  const findings = [finding("services", "cent120", broken("", "cent120-watch-service"))];
  const dying = command("cent120-watch-service", "cent120", [], { delete: true });
  for (const resources of [state, [...state, dying]]) {
    const plan = planRepair(findings, resources);
    assert.deepEqual([names(plan), kinds(plan)], [[], ["missing cent120-watch-service"]]);
    assert.match(leftOut(plan, true), /is not in the stack's state. The update makes/);
    assert.match(planWords(plan), /^No resource can be run again/);
  }
});

test("nothing is run again on a host that cannot be logged in to", () => {
  const findings = [
    finding("members", "cent120", broken("no answer in time", "cent120-service")),
    finding("cluster name", "cent120", broken("", "cluster-name")),
    finding("holder", "virtual address", unreachable("cent120", "held by cent123; cent120 cannot be asked")),
    finding("services", "cent120", unreachable("cent120", "no host answers at 192.168.56.120:22")),
    finding("services", "cent123", broken("", "haproxy-cent123-service")),
  ];
  const plan = planRepair(findings, state);
  assert.equal(names(plan).at(-1), "haproxy-cent123-service");
  assert.ok(!names(plan).some((name) => name.startsWith("c")));
  assert.deepEqual(kinds(plan), ["unreachable cent120"]);
  assert.match(
    leftOut(plan, true),
    /cent120 cannot be logged in to \(no host answers at 192.168.56.120:22\), so nothing is run again on it: left out are cent120-service, cluster-name\. .*podman start cent120"/,
  );
  assert.match(leftOut(plan, false), /Switch it on, or let it be reached; its services start with it\.$/);
});

test("what no resource mends is said with what to do instead", () => {
  const alarm = finding("alarms", "cent120", unmendable("alarm in force: disk", "free disk"));
  const unknown = finding("message", "virtual address", broken("other bytes"));
  const plan = planRepair([alarm, unknown], state);
  assert.deepEqual(names(plan), []);
  assert.equal(
    leftOut(plan, true),
    [
      "Left to you:",
      "  - alarms on cent120 (alarm in force: disk): no resource mends that; free disk.",
      "  - message on virtual address (other bytes): no resource mends that; what was found says what to look at.",
    ].join("\n"),
  );
});

test("a finding may name a resource and have advice as well", () => {
  const both = { ...broken("two things", "cluster-name"), advice: "do that" };
  const plan = planRepair([finding("x", "y", both)], state);
  assert.deepEqual([names(plan), kinds(plan)], [["cluster-name"], ["unmendable x"]]);
});

test("afterwards each finding is told with what is there now", () => {
  const before = [
    finding("policy", "cent120", broken("none\nat all", "mirror-policy-set")),
    finding("alarms", "cent120", broken("disk")),
    finding("users", "cluster", whole("admin")),
  ];
  const after = [finding("policy", "cent120", whole("there")), finding("alarms", "cent120", broken("disk"))];
  assert.deepEqual(mended(before, after).split("\n"), [
    "check   on       now     behind it          before the repair",
    "policy  cent120  whole   mirror-policy-set  none at all",
    "alarms  cent120  FAILED  -                  disk",
  ]);
});
