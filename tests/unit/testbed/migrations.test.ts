/** The record of migrations, and the table of them in a document. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { withSection } from "../../../testbed/versions/documents.ts";
import { migrationTable, readMigrations, recordMigration } from "../../../testbed/versions/migrations.ts";
import { readCount } from "../../support/migration-run.ts";

const folder = await mkdtemp(join(tmpdir(), "rabbitmq-ha-migrations-"));
after(() => rm(folder, { recursive: true }));

const run = {
  to: "4.3.6",
  killed: "nothing",
  queues: 20,
  loadAverage: 7,
  gaps: [4.25, 6, 3],
  confirmed: 100_123,
  lost: 0,
  outOfOrder: 0,
  duplicates: 2,
};
const when = { date: "2026-11-27", commit: "0123456" };

test("each run is a line of its own, if the environment asks for it", async () => {
  const file = join(folder, "migrations.jsonl");
  assert.equal(await recordMigration(run, { env: {}, file }), false);
  assert.deepEqual(await readMigrations(file), []);
  const env = { RABBITMQ_HA_RECORD: "1" };
  for (const lost of [0, 1]) assert.equal(await recordMigration({ ...run, lost }, { env, file }), true);
  assert.deepEqual(
    (await readMigrations(file)).map(({ lost, gaps }) => [lost, gaps]),
    [
      [0, run.gaps],
      [1, run.gaps],
    ],
  );
});

test("a row has the median and the worst of its runs, and the sum of what was lost", () => {
  const records = [
    { ...run, ...when, killed: "the command", gaps: [5, 6] },
    { ...run, ...when },
    { ...run, ...when, gaps: [10, 7, 3.5], confirmed: 99_000, loadAverage: 30, lost: 1, duplicates: 1000 },
    { ...run, ...when, gaps: [5, 8, 4] },
    { ...run, ...when, to: "4.0.5", gaps: [1, 3, 4] },
    { ...run, ...when, to: "4.0.5", gaps: [2, 3, 4] },
  ];
  const [, , ...rows] = migrationTable(records).split("\n");
  assert.deepEqual(rows, [
    "| 4.0.5 | nothing | 20 | 2 | 100 123 | 7 | 1.5 s, at most 2.0 s | 3.0 s, at most 3.0 s | 4.0 s, at most 4.0 s | 0 | 0 | 4 |",
    "| 4.3.6 | the command | 20 | 1 | 100 123 | 7 | 5.0 s | 6.0 s |  | 0 | 0 | 2 |",
    "| 4.3.6 | nothing | 20 | 3 | 99 000–100 123 | 7–30 | 5.0 s, at most 10.0 s | 7.0 s, at most 8.0 s | 3.5 s, at most 4.0 s | 1 | 0 | 1 004 |",
  ]);
});

test("a section takes the place of the last one, and a document without one is refused", () => {
  const lines = "<!-- what follows is written by npm run chaos -- --report -->\nold\n<!-- until here -->";
  const once = withSection(`before\n${lines}\nafter\n`, "| new |");
  assert.match(once, /^before\n<!--.*-->\n\n\| new \|\n\n<!-- until here -->\nafter\n$/);
  assert.equal(withSection(once, "| new |"), once);
  assert.throws(() => withSection("before\nafter\n", "| new |"), /has no lines <!--/);
  assert.throws(() => withSection(`${lines}\n${lines}\n`, "| new |"), /has no lines <!--/);
});

test("a number of runs that is none is refused, so that no run passes for ten", () => {
  assert.equal(readCount("RUNS", 1, {}), 1);
  assert.equal(readCount("RUNS", 1, { RUNS: "10" }), 10);
  for (const text of ["", "0", "ten", "1.5", "-1"])
    assert.throws(
      () => readCount("RUNS", 1, { RUNS: text }),
      /RUNS is .*; write a number from 1 on, such as 10/,
    );
});
