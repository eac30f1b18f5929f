/** `up` and `preview` refuse to change how the brokers of a running cluster speak with each other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { interNodeFault } from "../../../cli/inter-node.ts";

const file = (tls: string): string => `config:\n  rabbitmq-ha:tls: ${tls}\n`;
const on = { tls: { interNode: true } };

test("the first up may have it, and an up without a change is no change", () => {
  assert.equal(interNodeFault(undefined, file("{ interNode: true }"), "dev"), undefined);
  assert.equal(interNodeFault(on, file("{ interNode: true, renewal: 2 }"), "dev"), undefined);
  for (const tls of ["{}", "{ interNode: false }"]) {
    assert.equal(interNodeFault({ tls: {} }, file(tls), "dev"), undefined);
    assert.equal(interNodeFault({}, file(tls), "dev"), undefined);
  }
});

test("a change is refused in both directions, and the message names the way", () => {
  assert.equal(
    interNodeFault({ tls: {} }, file("{ interNode: true }"), "dev"),
    "tls.interNode = true: the brokers speak without TLS with each other, and a running cluster cannot change that; nothing was done. " +
      "Write tls.interNode: false or remove it. To change it, move the messages elsewhere, then: npm run backup, " +
      "npm run destroy, npm run up with the other value, npm run restore -- FILE",
  );
  for (const text of [file("{}"), "config: {}\n"])
    assert.match(
      String(interNodeFault(on, text, "dev")),
      /^tls\.interNode = false: the brokers speak by TLS .*; nothing was done\. Write tls\.interNode: true\./,
    );
});
