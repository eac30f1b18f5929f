/** Python on existing machines: there, too old, or installed by the first step. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePython, pythonFaults, pythonNotice } from "../../../platforms/existing/python.ts";

const versionOf = (...lines: readonly string[]): string | undefined =>
  parsePython((key) => (key === "python" ? lines : []));

test("a python3 that is too old is a fault; a newer one, or none, is none", () => {
  assert.deepEqual(pythonFaults(versionOf("3.4")), [
    "python3 is Python 3.4, and the program there needs 3.6; have python3 be a newer one, or remove it, so that up installs the system's own",
  ]);
  for (const version of ["3.6", "3.13", "4.0"]) assert.deepEqual(pythonFaults(versionOf(version)), []);
  assert.deepEqual(pythonFaults(versionOf()), []);
});

test("the machines without python3 are named", () => {
  const host = (label: string, version?: string) => ({ label, version });
  assert.equal(
    pythonNotice([host("mq1 (10.0.0.1)"), host("mq2 (10.0.0.2)", "3.11"), host("lb4 (10.0.0.4)")]),
    "mq1 (10.0.0.1) and lb4 (10.0.0.4): no python3 there; up installs it first, from the system's packages.",
  );
  assert.equal(pythonNotice([host("mq2 (10.0.0.2)", "3.11")]), undefined);
});
