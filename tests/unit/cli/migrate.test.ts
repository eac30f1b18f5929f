/** The arguments of `npm run migrate`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { amqpEndpoints } from "../../../cli/migrate/look.ts";
import { parseMigrateOptions } from "../../../cli/migrate.ts";

test("it needs two stacks, and looks only", () => {
  const options = parseMigrateOptions(["--from", "old", "--to=new", "--dry-run", "--json"]);
  assert.deepEqual(options, { from: "old", to: "new", isJson: true });
  assert.equal(parseMigrateOptions(["--from", "old", "--to", "new", "--dry-run"]).isJson, false);
});

test("other arguments are refused, each in words", () => {
  const refused = (...args: readonly string[]) =>
    assert.throws.bind(undefined, () => parseMigrateOptions(args));
  refused("--from", "old")(/needs two stacks: --from OLD --to NEW/);
  refused("--from", "old", "--to", "old")(/are both old/);
  refused("--from", "--to", "new")(/--from needs a stack's name, such as --from old/);
  refused("--from", "a", "--to", "b", "--dry-run", "--fast", "x")(/leave out: --fast x/);
  refused("--from", "a", "--to", "b")(/add --dry-run/);
});

test("OLD's brokers are reached at the port of its address", () => {
  const brokers = [{ name: "one", address: "10.0.0.1", url: "" }];
  const at = (amqpUri: string) => amqpEndpoints({ brokers, amqpUri });
  assert.deepEqual(at("amqp://10.0.0.9:5673"), [{ host: "10.0.0.1", port: 5673 }]);
  assert.deepEqual(at("amqp://10.0.0.9"), [{ host: "10.0.0.1", port: 5672 }]);
});
