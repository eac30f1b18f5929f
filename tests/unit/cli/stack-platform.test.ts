/** The platform in a stack's file, in every form that YAML allows; whatever is not clearly the lab is not the lab. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePlatform } from "../../../cli/stack-platform.ts";
import { UserError } from "../../../user-error.ts";

const file = "Pulumi.prod.yaml";

test("every form of the key is read", () => {
  for (const text of [
    "config:\n  rabbitmq-ha:platform: existing\n",
    'config:\n  "rabbitmq-ha:platform": existing\n',
    "config:\n  rabbitmq-ha:platform : existing\n",
    'config: { "rabbitmq-ha:platform": existing }\n',
    "config:\n  platform: 'existing'\n",
    "config:\n  ? rabbitmq-ha:platform\n  : existing # not lab\n",
    "base: &base { rabbitmq-ha:platform: existing }\nconfig:\n  <<: *base\n",
    "base: &own existing\nconfig: { platform: *own }\n",
  ])
    assert.equal(parsePlatform(text, file), "existing", text);
  assert.equal(parsePlatform("config:\n  rabbitmq-ha:platform: aws\n", file), "aws");
});

test("a file without the key, an empty one and a missing one are the lab's", () => {
  for (const text of ["", "# nothing\n", "config:\n", "config:\n  rabbitmq-ha:os: debian-12\n"])
    assert.equal(parsePlatform(text, file), "lab");
  // The key in a comment, or in another block, says nothing.
  const elsewhere = "config:\n  # rabbitmq-ha:platform: existing\n  other:block:\n    platform: existing\n";
  assert.equal(parsePlatform(elsewhere, file), "lab");
});

test("an unknown platform, and a file that is no stack file, are refused in words", () => {
  for (const [text, words] of [
    [
      "config:\n  rabbitmq-ha:platform: exsiting\n",
      'Pulumi.prod.yaml: rabbitmq-ha:platform = "exsiting": unknown platform; write lab, existing or aws',
    ],
    ["config: [a]\n", /is not a stack file/],
    ["- a\n", /is not a stack file/],
    ["config: {\n", /^Pulumi\.prod\.yaml is not valid YAML: /],
  ] as const) {
    assert.throws(
      () => parsePlatform(text, file),
      (error) =>
        error instanceof UserError &&
        (typeof words === "string" ? error.message === words : words.test(error.message)),
      text,
    );
  }
});
