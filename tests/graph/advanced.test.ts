/** The user's own terms in advanced.config: Erlang checks them on each host, and a change may restart the brokers. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { withoutEnd } from "../support/command-texts.ts";
import { devConfig } from "../support/dev-stack.ts";
import { brokers } from "../support/graph-facts.ts";
import { runProgram, type ProgramRun } from "../support/program.ts";

const run = (advanced: string): Promise<ProgramRun> => {
  const config = devConfig();
  return runProgram({ config: { ...config, rabbitmq: { ...(config["rabbitmq"] as object), advanced } } });
};

const input = ({ graph }: ProgramRun, name: string, key: string): string =>
  String(graph.get(name).inputs[key]);
const hash = (of: ProgramRun): string => input(of, "cent121-restart", "stdin");

let without: ProgramRun;
let given: ProgramRun;
before(async () => {
  without = await run("");
  given = await run("[{rabbit, [{consumer_timeout, undefined}]}].");
});

test("each broker gets them in one list with the program's own, checked before the file is replaced", () => {
  for (const broker of brokers) {
    assert.match(
      withoutEnd(input(given, `${broker}-tick-time`, "stdin")),
      /^%.*\n\[\{kernel, \[\{net_ticktime, 5 \}, \{net_setuptime, 3 \}\]\},\n \{ rabbit, \[\n {2}\{consumer_timeout, undefined\}\]\}\]\.\n$/,
    );
    assert.match(
      input(given, `${broker}-tick-time`, "create"),
      / file --path \/etc\/rabbitmq\/advanced\.config .*--check '\/usr\/local\/bin\/rabbitmq-ha check-advanced \{\}' /,
    );
  }
});

test("without any, the file and its step stay as they were", () => {
  assert.doesNotMatch(input(without, "cent120-tick-time", "create"), /--check/);
  assert.match(
    withoutEnd(input(without, "cent120-tick-time", "stdin")),
    /\n\[\{kernel, \[\{net_ticktime, 5 \}, \{net_setuptime, 3 \}\]\}\]\.\n$/,
  );
});

test("another term, but not another comment, runs the step that restarts a broker if need be", async () => {
  assert.notEqual(hash(given), hash(without));
  assert.equal(hash(await run("[{rabbit, [{consumer_timeout, undefined}]}]. % never")), hash(given));
  assert.notEqual(hash(await run("[{rabbit, [{consumer_timeout, 1}]}].")), hash(given));
});
