/** The record of operations by version, the table of versions, and that the committed documents are those of the records. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { columnName } from "../../../testbed/chaos/report.ts";
import type { ChaosRun } from "../../../testbed/chaos/trial-result.ts";
import { findBrokerRelease } from "../../../testbed/stacks/broker-releases.ts";
import { LabStack } from "../../../testbed/stacks/lab-stack.ts";
import { root } from "../../../testbed/stacks/trial-stack.ts";
import { reports } from "../../../testbed/versions/documents.ts";
import {
  mergeRecord,
  type OperationRecord,
  operations,
  readRecords,
  recordOperation,
} from "../../../testbed/versions/records.ts";
import { versionsReport } from "../../../testbed/versions/report.ts";

const folder = await mkdtemp(join(tmpdir(), "rabbitmq-ha-versions-"));
after(() => rm(folder, { recursive: true }));

const scale: OperationRecord = {
  operation: "scale",
  rabbitmq: "4.3.6",
  queues: "quorum",
  result: "gap 1.5 s; 0 lost",
  date: "2026-11-27",
  commit: "0123456",
};

test("a record takes the place of the last one of its cell alone", () => {
  const others: OperationRecord[] = [
    { ...scale, rabbitmq: "3.10.8" },
    { ...scale, rabbitmq: "3.10.8", queues: "mirrored" },
    { ...scale, operation: "replace" },
    { ...scale, rabbitmq: "4.0.5" },
    { ...scale, rabbitmq: "4.0.5", store: "Khepri" },
  ];
  const newer = { ...scale, result: "gap 1.0 s; 0 lost" };
  const merged = mergeRecord(mergeRecord(others, scale), newer);
  assert.deepEqual(
    merged.map((each) => [columnName(each), each.operation, each.result]),
    [
      ["3.10.8, mirrored queues", "scale", "gap 1.5 s; 0 lost"],
      ["3.10.8, quorum queues", "scale", "gap 1.5 s; 0 lost"],
      ["4.0.5, quorum queues", "scale", "gap 1.5 s; 0 lost"],
      ["4.0.5, quorum queues, Khepri", "scale", "gap 1.5 s; 0 lost"],
      ["4.3.6, quorum queues", "replace", "gap 1.5 s; 0 lost"],
      ["4.3.6, quorum queues", "scale", "gap 1.0 s; 0 lost"],
    ],
  );
});

test("a test records only if the environment asks for it, with its day and commit", async () => {
  const file = join(folder, "versions.jsonl");
  const { date: _, commit: __, ...measured } = scale;
  await recordOperation(measured, { env: {}, file });
  assert.deepEqual(await readRecords(file), []);
  for (const result of ["gap 2.0 s; 0 lost", "gap 1.5 s; 0 lost"]) {
    await recordOperation({ ...measured, result }, { env: { RABBITMQ_HA_RECORD: "1" }, file });
  }
  const [record, ...others] = await readRecords(file);
  assert.deepEqual(others, []);
  assert.equal(record?.result, "gap 1.5 s; 0 lost");
  assert.match(record.date, /^\d{4}-\d\d-\d\d$/);
});

test("the table has a column for each version, and says which cells were not run", () => {
  const run: ChaosRun = {
    rabbitmq: "4.0.5",
    queues: "quorum",
    notes: [],
    rows: [
      {
        fault: "brokers-off",
        what: "",
        date: "2026-11-26",
        commit: "89abcde",
        figures: undefined,
        missed: ["x"],
        logs: "",
      },
    ],
  };
  const document = versionsReport([run], [scale]);
  const head =
    "3.10.8, mirrored queues | 3.10.8, quorum queues | 4.0.5, quorum queues | 4.3.6, quorum queues |";
  assert.ok(document.includes(`| operation | ${head}\n`), document);
  assert.ok(document.includes("| scale | not run | not run | not run | gap 1.5 s; 0 lost |\n"), document);
  assert.ok(document.includes("| brokers-off | not run | not run | 0 of 1 | not run |\n"), document);
  assert.ok(document.includes("- `scale`: 4.3.6, quorum queues: 2026-11-27 (0123456)\n"), document);
  assert.ok(document.includes("- `brokers-off`: 4.0.5, quorum queues: 2026-11-26 (89abcde)\n"), document);
  for (const operation of Object.keys(operations))
    assert.match(document, new RegExp(`^\\| ${operation} \\|`, "m"));
});

test("a run with TLS is a column of the failures alone, since no operation is recorded with TLS", () => {
  const run: ChaosRun = { rabbitmq: "3.10.8", queues: "mirrored", tls: true, notes: [], rows: [] };
  const columns = (runs: readonly ChaosRun[]): string[][] =>
    [...versionsReport(runs, [scale]).matchAll(/^\| (?:operation|fault) \| (.*) \|$/gm)].map(
      ([, head = ""]) => head.split(" | "),
    );
  const [operationColumns = [], faultColumns = []] = columns([run]);
  assert.deepEqual(faultColumns.slice(0, 3), [
    ...["3.10.8, mirrored queues", "3.10.8, mirrored queues, TLS", "3.10.8, quorum queues"],
  ]);
  assert.equal(operationColumns.length, 4);
  assert.deepEqual(columns([]), [operationColumns, operationColumns]);
});

test("docs/chaos.md, docs/versions.md and the table of docs/migrate.md are what npm run chaos -- --report writes", async () => {
  for (const { name, text } of await reports()) {
    assert.equal(
      await readFile(join(root, "docs", name), "utf8"),
      text,
      `${name}: run npm run chaos -- --report`,
    );
  }
});

test("a lab of another release has its lines in the stack's file, before a test's own settings", async () => {
  const lab = new LabStack({ name: "u", net: 85, release: findBrokerRelease("4.0.5") });
  const file = join(root, `Pulumi.${lab.stack}.yaml`);
  try {
    await lab.configure("  rabbitmq-ha:haproxy: { rise: 3 }");
    assert.match(await readFile(file, "utf8"), /^ {2}rabbitmq-ha:os: debian-13\n {2}rabbitmq-ha:haproxy:/m);
  } finally {
    await rm(file);
  }
});
