/** The short form of tests/operations/migrate.test.ts: a few queues move, and it ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MigrationPair } from "../support/migration-pair.ts";
import { fewQueues } from "../support/migration-queues.ts";
import { MigrationRun } from "../support/migration-run.ts";

const pair = new MigrationPair({
  old: { name: "so", net: 115 },
  fresh: { name: "sn", net: 116 },
  version: "4.3.6",
});
pair.use();

test("mirrored queues become quorum queues under load, and the migration ends", async (context) => {
  const run = await MigrationRun.begin({ pair, queues: fewQueues(500), context });
  await run.move("forth");
  await pair.runOrThrow("--finish");
  await pair.assertFinished();
  const { disorders } = await run.end();
  assert.deepEqual(disorders, []);
});
