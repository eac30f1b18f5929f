/** What verify makes of what the hosts say by SSH. */
import assert from "node:assert/strict";
import test from "node:test";
import { judgeHolders, judgeServices, parseHost } from "../../../verify/hosts.ts";

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

test("reads addresses and units, also where the first unit follows without an empty line", () => {
  const { addresses, units } = parseHost(answer);
  assert.deepEqual(addresses, ["127.0.0.1", "192.168.56.123", "192.168.56.100"]);
  assert.deepEqual(
    [...units],
    [
      ["haproxy", { active: "active", enabled: "enabled" }],
      ["keepalived", { active: "activating", enabled: "" }],
    ],
  );
});

test("names a service that does not run and one that would not start at boot", () => {
  assert.deepEqual(judgeServices(parseHost(answer), services), {
    whole: false,
    detail: "keepalived is activating, expected active; keepalived is no unit at boot, expected enabled",
    rerun: ["virtual-address-cent123-service"],
  });
  const healed = answer.replace("activating", "active").replace(/UnitFileState=$/m, "UnitFileState=enabled");
  assert.equal(judgeServices(parseHost(healed), services).whole, true);
});

test("a host that says nothing of a service is not whole", () => {
  assert.equal(judgeServices(parseHost(""), services).whole, false);
});

const balancers = ["cent123", "cent124"].map((name) => ({ name, address: "", url: "" }));
const resources = ["virtual-address-cent123-service", "virtual-address-cent124-service"];

test("one balancer alone is whole", () => {
  const judged = judgeHolders(["cent124"], [], balancers);
  assert.deepEqual(judged, { whole: true, detail: "held by cent124 alone", rerun: [] });
});

test("nobody and two are not", () => {
  const nobody = judgeHolders([], [], balancers);
  assert.equal(nobody.detail, "no host holds it, expected one of the balancers");
  assert.deepEqual(nobody.rerun, resources);
  const both = judgeHolders(["cent123", "cent124"], [], balancers);
  assert.equal(both.detail, "cent123 and cent124 hold it, expected one of them");
  assert.equal(both.whole, false);
});

test("a holder that is no balancer is not whole", () => {
  const judged = judgeHolders(["cent120"], [], balancers);
  assert.equal(judged.whole, false);
  assert.match(judged.advice ?? "", /^take it from cent120 there/);
});

test("a balancer that cannot be asked might hold it too", () => {
  const judged = judgeHolders(["cent123"], [{ name: "cent124", cause: "connection refused" }], balancers);
  assert.equal(judged.whole, false);
  assert.equal(judged.detail, "held by cent123; cent124 cannot be asked: connection refused");
  assert.deepEqual(judged.rerun, []);
  assert.deepEqual(judged.unreachable, ["cent124"]);
});
