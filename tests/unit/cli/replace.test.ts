/** `--replace HOST`: from a host's name to its machine in the stack's state. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { machineFlags } from "../../../cli/replace.ts";

const urn = (name: string): string => `urn:pulumi:dev::rabbitmq-ha::command:local:Command::${name}`;
const resources = ["cent120-machine", "cent121-machine", "cent120-ready"].map((name) => ({
  urn: urn(name),
  type: "command:local:Command",
}));

test("a host's name becomes its machine's URN, in both ways to write it; all other flags stay", () => {
  const machine = urn("cent120-machine");
  assert.deepEqual(machineFlags(["--diff", "--replace", "cent120"], resources), [
    "--diff",
    "--replace",
    machine,
  ]);
  assert.deepEqual(machineFlags(["--replace=cent120", "--diff"], resources), [
    `--replace=${machine}`,
    "--diff",
  ]);
  const plain = ["--replace", urn("cluster-name"), "--diff"];
  assert.deepEqual(machineFlags(plain, resources), plain);
});

test("what is no host is refused, with the hosts that there are", () => {
  const unknown = /--replace cent129: that is none of the stack's machines, which are cent120, cent121$/;
  assert.throws(() => machineFlags(["--replace", "cent129"], resources), unknown);
  assert.throws(() => machineFlags(["--replace", "cent120"], []), /and it has none$/);
});

test("two machines at once are refused, however they are written", () => {
  const both = ["--replace", "cent120", "--replace", "cent121"];
  assert.throws(() => machineFlags(both, resources), /cent120 and cent121: one machine at a time/);
  const mixed = ["--replace", "cent120", "--replace", urn("cent121-machine")];
  assert.throws(() => machineFlags(mixed, resources), /one machine at a time/);
});
