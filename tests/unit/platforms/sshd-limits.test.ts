/** The limits of a machine's sshd on log-ins, in the words of `sshd -T`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bastionFaults,
  bastionNotices,
  type ProbedBastion,
} from "../../../platforms/existing/precheck/bastion.ts";
import { parseSshdLimits, sshdLimitNotices } from "../../../platforms/existing/precheck/sshd-limits.ts";

function noticesOf(...lines: readonly string[]): string[] {
  const limits = parseSshdLimits((key) => (key === "sshd" ? lines : []));
  return sshdLimitNotices([{ label: "mq1 (10.0.0.1)", limits }]);
}

test("an sshd that takes fewer log-ins at once than up makes is named, with what to raise", () => {
  const rest =
    "at once on, and up makes up to 9; each is tried again, which takes longer: raise that to 9 or more in its sshd_config.";
  assert.deepEqual(noticesOf("maxstartups 3:30:10"), [
    `mq1 (10.0.0.1): its sshd refuses log-ins from MaxStartups 3 ${rest}`,
  ]);
  assert.deepEqual(noticesOf("maxstartups 7:30:100", "persourcemaxstartups 2"), [
    `mq1 (10.0.0.1): its sshd refuses log-ins from MaxStartups 7, PerSourceMaxStartups 2 ${rest}`,
  ]);
});

test("sshd's own defaults, and an sshd that says nothing, are not named", () => {
  assert.deepEqual(noticesOf("maxstartups 10:30:100", "persourcemaxstartups none"), []);
  assert.deepEqual(noticesOf("maxstartups 9:30:100"), []);
  assert.deepEqual(noticesOf(), []);
  assert.deepEqual(noticesOf("maxsessions 1", "toString 1"), []);
});

const bastion: ProbedBastion = {
  ...{ host: "jump", port: 2222, machineCount: 5 },
  connectionLimit: undefined,
  sshdLimits: [],
};

test("a bastion takes the log-ins of all machines, as many at once as Pulumi runs steps", () => {
  const sshdLimits = parseSshdLimits((key) => (key === "sshd" ? ["maxstartups 10:30:100"] : []));
  const rest = (count: number): string =>
    `at once on, and up makes up to ${count}; each is tried again, which takes longer: raise that to ${count} or more in its sshd_config.`;
  const notices = (processors: number): string[] => bastionNotices({ ...bastion, sshdLimits }, processors);
  assert.deepEqual(notices(2), []);
  assert.deepEqual(notices(4), [
    `the bastion (jump): its sshd refuses log-ins from MaxStartups 10 ${rest(16)}`,
  ]);
  assert.deepEqual(notices(16), [
    `the bastion (jump): its sshd refuses log-ins from MaxStartups 10 ${rest(45)}`,
  ]);
  assert.deepEqual(bastionNotices(bastion, 16), []);
  assert.deepEqual(bastionNotices(undefined), []);
});

test("a bastion whose firewall counts connections is a fault, if fewer than all machines' steps may come", () => {
  const faults = (count: number): string[] =>
    bastionFaults({ ...bastion, connectionLimit: { chain: "INPUT", count, seconds: 30 } });
  assert.deepEqual(faults(225), [
    "the bastion (jump): its firewall (INPUT) refuses who connects to port 2222 225 times in 30 s, and up connects once for each " +
      "step; exempt the address that this computer comes from: iptables -I INPUT -p tcp --dport 2222 -s ADDRESS -j ACCEPT",
  ]);
  assert.deepEqual(faults(226), []);
  assert.deepEqual(bastionFaults(bastion), []);
  assert.deepEqual(bastionFaults(undefined), []);
});
