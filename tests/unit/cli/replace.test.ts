/** `--replace HOST`: finds the host's machine in the stack's state. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveReplaceFlags } from "../../../cli/replace.ts";

const urn = (name: string): string => `urn:pulumi:dev::rabbitmq-ha::command:local:Command::${name}`;
const resources = ["cent120-machine", "cent121-machine", "cent120-ready"].map((name) => ({
  urn: urn(name),
  type: "command:local:Command",
}));

test("a host's name is replaced by its machine's URN in both forms of the flag; all other flags stay", () => {
  const machine = urn("cent120-machine");
  assert.deepEqual(resolveReplaceFlags(["--diff", "--replace", "cent120"], resources), [
    "--diff",
    "--replace",
    machine,
  ]);
  assert.deepEqual(resolveReplaceFlags(["--replace=cent120", "--diff"], resources), [
    `--replace=${machine}`,
    "--diff",
  ]);
  const plain = ["--replace", urn("cluster-name"), "--diff"];
  assert.deepEqual(resolveReplaceFlags(plain, resources), plain);
});

test("an unknown host is refused with the list of hosts", () => {
  const unknown = /--replace cent129: the stack has no such host; use one of cent120, cent121$/;
  assert.throws(() => resolveReplaceFlags(["--replace", "cent129"], resources), unknown);
  assert.throws(() => resolveReplaceFlags(["--replace", "cent120"], []), /it has no machines$/);
});

test("two machines at once are refused, in every form of the flag", () => {
  const both = ["--replace", "cent120", "--replace", "cent121"];
  assert.throws(() => resolveReplaceFlags(both, resources), /cent120 and cent121: one machine at a time/);
  const mixed = ["--replace", "cent120", "--replace", urn("cent121-machine")];
  assert.throws(() => resolveReplaceFlags(mixed, resources), /one machine at a time/);
});
