/** The real engine takes the block `tls`, and a preview names the certificates and shows no key. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ScratchStack, scratchStackName } from "../support/engine.ts";

let stack: ScratchStack;
before(async () => {
  stack = await ScratchStack.open();
  await stack.configure((text) => text.replace(/^config:\n/m, "config:\n  rabbitmq-ha:tls: {}\n"));
});
after(() => stack.close());

test("an empty block is enough, and the preview tells the quarter of each certificate", async () => {
  const { code, stdout, stderr } = await stack.pulumi("preview", "--diff", "--stack", scratchStackName);
  assert.equal(code, 0, stdout + stderr);
  for (const broker of ["cent120", "cent121", "cent122"])
    assert.match(stdout, new RegExp(`::${broker}-certificate-\\d{4}-q[1-4]-[0-9a-f]{8}\\]`));
  assert.match(stdout, /::tls-authority-1\]/);
  assert.doesNotMatch(stdout, /PRIVATE KEY/);
});
