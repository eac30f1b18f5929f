/** What is looked at again after a change. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { examineUntilSettled } from "../../../cli/verify.ts";
import { fail, type Finding, pass } from "../../../verify/finding.ts";

const spread = { check: "spread", subject: "virtual address" };
const reset: Finding = { ...spread, ...fail("4 of 30 failed", "virtual-address-cent123-service") };
const other: Finding = { ...spread, ...fail("no connection reached cent122", "cent122-service") };
const whole: Finding = { ...spread, ...pass("30 connections") };
const members: Finding = { check: "members", subject: "cent120", ...pass("all") };
const down: Finding = { check: "members", subject: "cent120", ...fail("cent122 is missing") };

/** Answers one set of findings after the other, the last one for ever. */
function inTurn(...answers: readonly (readonly Finding[])[]) {
  let looks = 0;
  const look = (): Promise<readonly Finding[]> =>
    Promise.resolve(answers[Math.min(looks++, answers.length - 1)] ?? []);
  return { look, count: () => looks };
}

/** Notes what is told of a wait. */
function listener() {
  const told: (readonly Finding[])[] = [];
  return { told, onWait: (failed: readonly Finding[]) => void told.push(failed) };
}

const isSettled = (findings: readonly Finding[]): boolean => findings.every(({ ok }) => ok);

test("a whole system is looked at once", async () => {
  const { look, count } = inTurn([members, whole]);
  const { told, onWait } = listener();
  assert.deepEqual(await examineUntilSettled(look, { isSettled, seconds: 15 }, onWait), {
    findings: [members, whole],
    passedLater: [],
  });
  assert.equal(count(), 1);
  assert.deepEqual(told, []);
});

test("a check that fails at first is looked at again, which is told once, and its first failure is told", async () => {
  const { look } = inTurn([members, reset], [members, other], [members, whole]);
  const { told, onWait } = listener();
  assert.deepEqual(await examineUntilSettled(look, { isSettled, seconds: 15 }, onWait), {
    findings: [members, whole],
    passedLater: [reset],
  });
  assert.deepEqual(told, [[reset]]);
});

test("when the time is up, what fails counts as failed, and what passes as passed later", async () => {
  const { look, count } = inTurn([members, reset], [down, whole]);
  const { told, onWait } = listener();
  assert.deepEqual(await examineUntilSettled(look, { isSettled, seconds: 1.5 }, onWait), {
    findings: [down, whole],
    passedLater: [reset],
  });
  assert.equal(count(), 2);
  assert.deepEqual(told, [[reset]]);
});
