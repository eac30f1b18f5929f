/** The limits of a machine's sshd on log-ins, in the words of `sshd -T`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSshdLimits, sshdLimitNotices } from "../../../platforms/existing/sshd-limits.ts";

function noticesOf(...lines: readonly string[]): string[] {
  const limits = parseSshdLimits((key) => (key === "sshd" ? lines : []));
  return sshdLimitNotices([{ label: "mq1 (10.0.0.1)", limits }]);
}

test("an sshd that takes fewer log-ins at once than up makes is named, with what to raise", () => {
  const rest =
    "at once on, and up makes up to 8; each is tried again, which takes longer: raise that to 8 or more in its sshd_config.";
  assert.deepEqual(noticesOf("maxstartups 3:30:10"), [
    `mq1 (10.0.0.1): its sshd refuses log-ins from MaxStartups 3 ${rest}`,
  ]);
  assert.deepEqual(noticesOf("maxstartups 7:30:100", "persourcemaxstartups 2"), [
    `mq1 (10.0.0.1): its sshd refuses log-ins from MaxStartups 7, PerSourceMaxStartups 2 ${rest}`,
  ]);
});

test("sshd's own defaults, and an sshd that says nothing, are not named", () => {
  assert.deepEqual(noticesOf("maxstartups 10:30:100", "persourcemaxstartups none"), []);
  assert.deepEqual(noticesOf("maxstartups 8:30:100"), []);
  assert.deepEqual(noticesOf(), []);
  assert.deepEqual(noticesOf("maxsessions 1", "toString 1"), []);
});
