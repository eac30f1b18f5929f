/**
 * The outputs of a remote.Command in a preview, which never runs it.
 *
 * Sources: FACTS = the table on remote.Command, GP = pulumi/pulumi-go-provider infer/resource.go.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Provider, REMOTE } from "./provider.ts";
import { isUnknown, secret, UNKNOWN } from "./values.ts";

// Nothing listens there, so a preview that dialled would fail.
const connection = secret({ host: "127.0.0.1", port: 1, dialErrorLimit: 0 });
let provider: Provider;

before(async () => {
  provider = await Provider.launch();
});
after(async () => {
  await provider.stop();
});

test("a preview of a create runs nothing, and its outputs are unknown (FACTS table)", async () => {
  const outputs = await provider.create(REMOTE, { connection, create: "echo hi" }, { preview: true });
  assert.equal(isUnknown(outputs["stdout"]), true);
  assert.equal(isUnknown(outputs["stderr"]), true);
  assert.equal(outputs["create"], "echo hi");
});

test("a preview of an update runs nothing, and its outputs are unknown (FACTS table)", async () => {
  const old = await provider.checkOrThrow(REMOTE, { connection, create: "echo hi" });
  const news = { connection, create: "echo ho" };
  const outputs = await provider.update(REMOTE, { ...old, stdout: "hi", stderr: "" }, news, {
    preview: true,
  });
  assert.equal(isUnknown(outputs["stdout"]), true);
  assert.equal(isUnknown(outputs["stderr"]), true);
});

test("the outputs are unknown when an input is unknown (GP markComputed)", async () => {
  const inputs = { connection, create: "echo hi", stdin: "a" };
  const old = await provider.checkOrThrow(REMOTE, inputs);
  const news = { ...inputs, stdin: UNKNOWN };
  const outputs = await provider.update(REMOTE, { ...old, stdout: "hi", stderr: "" }, news, {
    preview: true,
  });
  assert.equal(isUnknown(outputs["stdout"]), true);
  assert.equal(isUnknown(outputs["stdin"]), true);
});

test("the old outputs are kept when the only change is a new input (GP markComputed)", async () => {
  const old = await provider.checkOrThrow(REMOTE, { connection, create: "echo hi" });
  const news = { connection, create: "echo hi", update: "echo ho" };
  const outputs = await provider.update(REMOTE, { ...old, stdout: "hi", stderr: "e" }, news, {
    preview: true,
  });
  assert.equal(outputs["stdout"], "hi");
  assert.equal(outputs["stderr"], "e");
});
