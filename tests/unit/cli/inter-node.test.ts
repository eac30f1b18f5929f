/** `up` and `preview` change how the brokers of a running stack speak with each other only by a full stop. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { interNodeFault } from "../../../cli/inter-node.ts";

const file = (tls: string): string => `config:\n  rabbitmq-ha:tls: ${tls}\n`;
const on = { tls: { interNode: true } };
type Expected = Parameters<typeof interNodeFault>[0];
const fault = (expected: Expected, text: string, fullStop = false): string | undefined =>
  interNodeFault(expected, text, "dev", fullStop);

test("the first up may have it, and an up without a change is no change", () => {
  assert.equal(fault(undefined, file("{ interNode: true }")), undefined);
  assert.equal(fault(on, file("{ interNode: true, renewal: 2 }")), undefined);
  for (const tls of ["{}", "{ interNode: false }"]) {
    assert.equal(fault({ tls: {} }, file(tls)), undefined);
    assert.equal(fault({}, file(tls)), undefined);
  }
});

test("a change is refused in both directions without a full stop, and the message names it", () => {
  assert.equal(
    fault({ tls: {} }, file("{ interNode: true }")),
    "tls.interNode = true: the brokers speak without TLS with each other, and only a stop of all of them changes that; nothing was done. " +
      "Write tls.interNode: false or remove it. To change it, tell the clients that all brokers stop for about a minute, then: " +
      "npm run up -- --full-stop",
  );
  for (const text of [file("{}"), "config: {}\n"])
    assert.match(
      String(fault(on, text)),
      /^tls\.interNode = false: the brokers speak by TLS .*; nothing was done\. Write tls\.interNode: true\. .*--full-stop$/,
    );
});

test("with a full stop both directions are allowed, but none before the brokers have certificates", () => {
  assert.equal(fault({ tls: {} }, file("{ interNode: true }"), true), undefined);
  for (const text of [file("{}"), "config: {}\n"]) assert.equal(fault(on, text, true), undefined);
  for (const fullStop of [false, true])
    assert.equal(
      fault({}, file("{ interNode: true }"), fullStop),
      "tls.interNode = true: the brokers have no certificates yet; nothing was done. First write tls: {} and run npm run up; " +
        "then write tls.interNode: true and run npm run up -- --full-stop",
    );
});

test("before the first up there is nothing to stop", () => {
  assert.equal(
    fault(undefined, file("{ interNode: true }"), true),
    "--full-stop: no up of stack dev has ended well yet, so nothing was done; leave it out",
  );
});
