/** Python on existing machines: there, too old, or installed by the first step. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  parsePython,
  pythonFaults,
  pythonNotice,
  pythonWarning,
  type PythonFacts,
} from "../../../platforms/existing/precheck/python.ts";

const versionOf = (...lines: readonly string[]): PythonFacts =>
  parsePython((key) => (key === "python" ? lines : []));

test("a python3 that is too old is a fault; a newer one, or none, is none", () => {
  assert.deepEqual(pythonFaults(versionOf("3.4")), [
    "/usr/bin/python3 is Python 3.4, and the program there needs 3.6; have python3 be a newer one, or remove it, so that up installs the system's own",
  ]);
  for (const version of ["3.6", "3.13", "4.0"]) assert.deepEqual(pythonFaults(versionOf(version)), []);
  assert.deepEqual(pythonFaults(versionOf()), []);
});

test("the machines without python3 are named, and those apart whose package lists do not offer it", () => {
  const host = (label: string, version?: string, isOffered = true) => ({ label, version, isOffered });
  const hosts = [
    host("mq1 (10.0.0.1)"),
    host("mq2 (10.0.0.2)", "3.11", false),
    host("mq3 (10.0.0.3)", undefined, false),
    host("lb4 (10.0.0.4)"),
  ];
  assert.equal(
    pythonNotice(hosts),
    "mq1 (10.0.0.1) and lb4 (10.0.0.4): no python3 there; up installs it first, from the system's packages.",
  );
  assert.equal(
    pythonWarning(hosts),
    "mq3 (10.0.0.3): no python3 there, and the package lists there, as they are, do not offer it. " +
      "up reads them anew, and ends with its first step there if they still do not: see that the package sources can be reached, " +
      "or install python3 yourself.",
  );
  for (const one of [pythonNotice, pythonWarning])
    assert.equal(one([host("mq2 (10.0.0.2)", "3.11", false)]), undefined);
});
