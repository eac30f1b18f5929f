/** How verify judges what it reads from the hosts over SSH. */
import assert from "node:assert/strict";
import test from "node:test";
import { execa } from "execa";
import {
  buildHostQuery,
  judgeHolders,
  judgeServices,
  parseHostState,
  servicesByHost,
} from "../../../verify/checks/hosts.ts";

const answer = `1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
2: eth0    inet 192.168.56.123/24 brd 192.168.56.255 scope global eth0\\       valid_lft forever
2: eth0    inet 192.168.56.100/24 scope global secondary eth0\\       valid_lft forever
Id=haproxy.service
ActiveState=active
UnitFileState=enabled

Id=keepalived.service
ActiveState=activating
UnitFileState=
`;
const services = { haproxy: "haproxy-cent123-service", keepalived: "virtual-address-cent123-service" };

test("addresses and units are read from a host's answer, also where no empty line precedes the first unit", () => {
  const { addresses, units } = parseHostState(answer);
  assert.deepEqual(addresses, ["127.0.0.1", "192.168.56.123", "192.168.56.100"]);
  assert.deepEqual(
    [...units],
    [
      ["haproxy", { active: "active", enabled: "enabled" }],
      ["keepalived", { active: "activating", enabled: "" }],
    ],
  );
});

test("a service that does not run, or that is not enabled at boot, is reported", () => {
  assert.deepEqual(judgeServices(parseHostState(answer), services), {
    ok: false,
    detail: "keepalived is activating, expected active; keepalived has no unit file, expected enabled",
    resourcesToRerun: ["virtual-address-cent123-service"],
  });
  const repaired = answer
    .replace("activating", "active")
    .replace(/UnitFileState=$/m, "UnitFileState=enabled");
  assert.equal(judgeServices(parseHostState(repaired), services).ok, true);
});

test("the check fails when a host reports nothing of a service", () => {
  assert.equal(judgeServices(parseHostState(""), services).ok, false);
});

const balancers = ["cent123", "cent124"].map((name) => ({ name, address: "", url: "" }));
const resources = ["virtual-address-cent123-service", "virtual-address-cent124-service"];

test("the check passes when one balancer alone holds the virtual address", () => {
  const judged = judgeHolders(["cent124"], [], balancers);
  assert.deepEqual(judged, { ok: true, detail: "held by cent124 alone", resourcesToRerun: [] });
});

test("the check fails when no host or two hosts hold the virtual address", () => {
  const nobody = judgeHolders([], [], balancers);
  assert.equal(nobody.detail, "no host holds it, expected one of the balancers");
  assert.deepEqual(nobody.resourcesToRerun, resources);
  const both = judgeHolders(["cent123", "cent124"], [], balancers);
  assert.equal(both.detail, "cent123 and cent124 hold it, expected one of them");
  assert.equal(both.ok, false);
});

test("the check fails when the holder is not a balancer", () => {
  const judged = judgeHolders(["cent120"], [], balancers);
  assert.equal(judged.ok, false);
  assert.match(judged.advice ?? "", /^remove it on cent120 with/);
});

test("a balancer that cannot be asked fails the check, since it may hold the address too", () => {
  const judged = judgeHolders(["cent123"], [{ name: "cent124", cause: "connection refused" }], balancers);
  assert.equal(judged.ok, false);
  assert.equal(judged.detail, "held by cent123; cent124 cannot be asked: connection refused");
  assert.deepEqual(judged.resourcesToRerun, []);
  assert.deepEqual(judged.unreachableHosts, ["cent124"]);
});

test("where HAProxy asks for alarms, each broker's host has to answer; elsewhere, and on balancers, nothing does", () => {
  const brokers = [{ name: "cent120", address: "", url: "" }];
  const expected = { plugins: [], netTickTime: 5, partitionHandling: "ignore", agentCheck: true };
  const units = (over: object): string[] =>
    Object.keys(servicesByHost({ brokers, balancers, ...over }).get("cent120") ?? {});
  assert.deepEqual(units({}), ["rabbitmq-server", "rabbitmq-ha-watch"]);
  assert.deepEqual(units({ expected: { ...expected, agentCheck: false } }), units({}));
  const services = servicesByHost({ brokers, balancers, expected }).get("cent120") ?? {};
  assert.deepEqual(Object.keys(services), [...units({}), "rabbitmq-ha-agent.socket"]);
  const running = (name: string, active: string): string =>
    `Id=${name}\nActiveState=${active}\nUnitFileState=enabled\n\n`;
  const host = (active: string): string =>
    ["rabbitmq-server.service", "rabbitmq-ha-watch.service"].map((name) => running(name, "active")).join("") +
    running("rabbitmq-ha-agent.socket", active);
  assert.equal(judgeServices(parseHostState(host("active")), services).ok, true);
  assert.deepEqual(judgeServices(parseHostState(host("failed")), services), {
    ok: false,
    detail: "rabbitmq-ha-agent.socket is failed, expected active",
    resourcesToRerun: ["cent120-agent-service"],
  });
});

test("what the program finds is read beside what systemd says, and disturbs none of it", () => {
  const found = { files: [{ path: "/etc/x", resource: "r", fault: "differs" }] };
  const text = `${answer}Findings=${JSON.stringify(found)}\nBeside=cent121\nWaits=yes\n`;
  const { findings, isWaiting, lastRunningPeers, units } = parseHostState(text);
  assert.deepEqual(findings, found);
  assert.deepEqual([isWaiting, lastRunningPeers], [true, ["cent121"]]);
  assert.deepEqual([...units], [...parseHostState(answer).units]);
});

test("a host is asked for its addresses also as a user whose PATH has no sbin", async () => {
  const query = buildHostQuery(services, "operator");
  const env = { PATH: "/nowhere", LC_ALL: "C" };
  const { stdout } = await execa("/bin/bash", ["-c", query], { env, extendEnv: false, reject: false });
  assert.ok(parseHostState(stdout).addresses.includes("127.0.0.1"));
});
