/** How verify judges whether a balancer could take the virtual address. */
import assert from "node:assert/strict";
import test from "node:test";
import { judgeTakeOver, parseVrrpReport } from "../../../verify/checks/vrrp-take-over.ts";

const judge = (text: string) => judgeTakeOver("cent124", parseVrrpReport(text));
const watch = "virtual-address-cent124-watch-service";
const service = "virtual-address-cent124-service";

test("a balancer whose Keepalived is BACKUP or MASTER and checks HAProxy passes", () => {
  for (const state of ["BACKUP", "MASTER"]) {
    for (const checked of ["yes", "unknown"]) {
      assert.equal(judge(`Vrrp=${state}\nChecked=${checked}\n`).ok, true);
    }
  }
});

test("a balancer in FAULT fails, with the cause and what to do", () => {
  const address = judge(
    "Vrrp=FAULT\nObstacle=address its own address 10.0.0.4 is not configured\nChecked=yes\n",
  );
  assert.deepEqual(address, {
    ok: false,
    detail: "cannot take the address: keepalived is in FAULT, its own address 10.0.0.4 is not configured",
    resourcesToRerun: [],
    advice: "configure it on cent124; Keepalived then takes part again by itself",
  });
  const haproxy = judge("Vrrp=FAULT\nObstacle=haproxy HAProxy does not answer on its socket\nChecked=yes\n");
  assert.deepEqual([haproxy.ok, haproxy.resourcesToRerun], [false, ["haproxy-cent124-service"]]);
  const passed = judge("Vrrp=FAULT\nChecked=yes\n");
  assert.deepEqual([passed.ok, passed.resourcesToRerun], [false, [watch]]);
  assert.match(passed.detail, /in FAULT, and the cause has passed; the watch on cent124 restarts it/);
});

test("a balancer whose Keepalived does not run, or says nothing whole, fails", () => {
  assert.deepEqual(judge("Vrrp=stopped\n").resourcesToRerun, [service]);
  for (const text of ["", "Vrrp=BACKUP\n", "Vrrp=BAC", "Checked=yes\n"]) {
    assert.deepEqual([judge(text).ok, judge(text).resourcesToRerun], [false, [service]], text);
  }
  const unknown = judge("Vrrp=unknown\nChecked=yes\n");
  assert.deepEqual([unknown.ok, unknown.advice], [false, 'run "systemctl restart keepalived" on cent124']);
});

test("a balancer whose Keepalived does not check HAProxy fails; the holder of the address is only reloaded", () => {
  assert.deepEqual(judge("Vrrp=BACKUP\nChecked=no\n").resourcesToRerun, [watch]);
  const holder = judge("Vrrp=MASTER\nChecked=no\n");
  assert.deepEqual(
    [holder.ok, holder.resourcesToRerun, holder.advice],
    [false, [], 'run "systemctl reload keepalived" on cent124'],
  );
});
