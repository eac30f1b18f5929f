/** The arguments of `npm run migrate`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { amqpEndpoints } from "../../../cli/migrate/read-clusters.ts";
import { parseMigrateOptions } from "../../../cli/migrate.ts";

test("it needs two stacks, and does one thing", () => {
  const options = parseMigrateOptions(["--from", "old", "--to=new", "--dry-run", "--json"]);
  const unset = { maxGapSeconds: 5, leavesStreams: false };
  assert.deepEqual(options, { from: "old", to: "new", action: "look", isJson: true, ...unset });
  const action = (...flags: readonly string[]) => parseMigrateOptions(["--from", "a", "--to", "b", ...flags]);
  assert.equal(action().action, "forth");
  assert.equal(action("--back").action, "back");
  assert.equal(action("--finish").action, "finish");
  assert.equal(action("--max-gap", "20").maxGapSeconds, 20);
  assert.equal(action("--leave-streams").leavesStreams, true);
});

test("other arguments are refused, each in words", () => {
  const refused = (...args: readonly string[]) =>
    assert.throws.bind(undefined, () => parseMigrateOptions(args));
  refused("--from", "old")(/needs two stacks: --from OLD --to NEW/);
  refused("--from", "old", "--to", "old")(/are both old/);
  refused("--from", "--to", "new")(/--from needs a stack's name, such as --from old/);
  refused("--from", "a", "--to", "b", "--dry-run", "--fast", "x")(/leave out: --fast x/);
  refused("--from", "a", "--to", "b", "--back", "--finish")(/write one of them/);
  refused("--from", "a", "--to", "b", "--max-gap", "1")(/at least 3 seconds/);
  refused("--from", "a", "--to", "b", "--max-gap", "soon")(/at least 3 seconds/);
});

test("OLD's brokers are reached at the port of its address", () => {
  const brokers = [{ name: "one", address: "10.0.0.1", url: "" }];
  const at = (amqpUri: string) => amqpEndpoints({ brokers, amqpUri });
  assert.deepEqual(at("amqp://10.0.0.9:5673"), [{ host: "10.0.0.1", port: 5673 }]);
  assert.deepEqual(at("amqp://10.0.0.9"), [{ host: "10.0.0.1", port: 5672 }]);
});
