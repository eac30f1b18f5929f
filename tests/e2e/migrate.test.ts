/** The short form of tests/operations/migrate.test.ts: a few queues move forth, back, and forth again, and it ends. */
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

test("mirrored queues become quorum queues under load: forth, back, forth again, and the end", async (context) => {
  const run = await MigrationRun.begin({ pair, queues: fewQueues(500), context });
  for (const direction of ["forth", "back", "forth"] as const) await run.move(direction);
  await pair.runOrThrow("--finish");
  await pair.assertFinished();
  const { disorders } = await run.end();
  assert.deepEqual(disorders, []);
});
