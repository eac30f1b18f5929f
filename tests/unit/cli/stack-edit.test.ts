/** A change of one value in a stack's file leaves all else as it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { valueIn, withValue } from "../../../cli/stack-edit.ts";

const file = `# a comment
encryptionsalt: v1:salt
config:
  rabbitmq-ha:brokers:
    - { name: a,   address: 10.0.0.1 } # odd blanks
  rabbitmq-ha:definitions: { file: definitions.json }
  rabbitmq-ha:adminPassword:
    secure: v1:abc

# the end
`;

test("a key that is not there becomes the last one of its mapping, in the mapping's style", () => {
  const edited = withValue(file, ["rotation", "admin"], ["admin-2", "admin"]);
  assert.equal(
    edited,
    file.replace("secure: v1:abc\n", "secure: v1:abc\n  rabbitmq-ha:rotation: { admin: [admin-2, admin] }\n"),
  );
  const more = withValue(edited, ["rotation", "my orders"], ["orders-2"]);
  assert.equal(more, edited.replace("admin] }", "admin], my orders: [orders-2] }"));
  const inside = withValue(file, ["definitions", "remove"], ["user orders"]);
  assert.equal(inside, file.replace("definitions.json }", "definitions.json, remove: [user orders] }"));
});

test("a value that is there is replaced, in any style", () => {
  for (const before of [
    "  rabbitmq-ha:rotation: { admin: [admin-2, admin] }\n",
    "  rotation:\n    admin: [admin-2, admin] # now\n",
    "  rotation:\n    admin:\n      - admin-2\n      - admin\n",
  ]) {
    const text = `config:\n${before}  rabbitmq-ha:os: debian-12\n`;
    assert.deepEqual(valueIn(text, ["rotation", "admin"]), ["admin-2", "admin"]);
    const edited = withValue(text, ["rotation", "admin"], ["admin-2"]);
    assert.deepEqual(valueIn(edited, ["rotation", "admin"]), ["admin-2"], edited);
    assert.deepEqual(valueIn(edited, ["os"]), "debian-12", edited);
    assert.match(edited, /admin: *\n? *\[admin-2\]/);
  }
});

test("an empty mapping and a bare key are filled", () => {
  for (const value of ["", " {}", " null"]) {
    const edited = withValue(`config:\n  rabbitmq-ha:rotation:${value}\n  a: b\n`, ["rotation", "x"], ["y"]);
    assert.deepEqual(valueIn(edited, ["rotation"]), { x: ["y"] }, edited);
    assert.equal(valueIn(edited, ["a"]), "b", edited);
  }
});

test("names that YAML would take for something else are quoted", () => {
  const edited = withValue(file, ["rotation", "a: b"], ["yes, no", "12"]);
  assert.deepEqual(valueIn(edited, ["rotation"]), { "a: b": ["yes, no", "12"] });
});

test("any name is written and read as it is, in every place", () => {
  const names = [
    "a[ b ]",
    "[ ]",
    "a, b",
    "{ a }",
    "x: y",
    "o'r\"s",
    "$&",
    "# x",
    "- a",
    "*x",
    " a ",
    "a\nb",
    "",
  ];
  const places = ["", "  rotation: {}\n", "  rotation: { k: [v] }\n", "  rotation:\n    k: [v] # mine\n"];
  for (const name of [...names, "constructor", "null", "12"])
    for (const place of places) {
      const text = `config:\n  os: debian-13\n${place}`;
      const before = valueIn(text, ["rotation"]) ?? {};
      const begun = withValue(text, ["rotation", name], [name, "y"]);
      assert.deepEqual(valueIn(begun, ["rotation"]), { ...before, [name]: [name, "y"] }, begun);
      const ended = withValue(begun, ["rotation", name], ["y"]);
      assert.deepEqual(valueIn(ended, ["rotation"]), { ...before, [name]: ["y"] }, ended);
    }
});

test("a file without config is refused", () => {
  assert.throws(() => withValue("", ["rotation", "admin"], []), /no mapping config/);
  assert.equal(valueIn("", ["rotation"]), undefined);
});
