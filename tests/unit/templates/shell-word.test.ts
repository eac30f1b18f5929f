/** `shellWord` (in templates `{{sh value}}`) is one word of a shell command: what comes out of bash is what went in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { shellWord } from "../../../templates/render.ts";
import { bash } from "../../support/bash.ts";

/** @returns the arguments that bash makes of values, each of them in a command of its own */
async function words(values: readonly string[]): Promise<string[]> {
  const commands = values.map((value) => `show ${shellWord(value)}`);
  const shown = `show() { printf '%s\\0' "$#" "$@"; }\n${commands.join("\n")}`;
  const { code, stdout, stderr } = await bash(shown);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  const [...parts] = stdout.split("\0");
  assert.equal(parts.pop(), "");
  assert.ok(parts.every((part, index) => index % 2 === 1 || part === "1"));
  return parts.filter((_, index) => index % 2 === 1);
}

const hostile = [
  ...String.raw`' '' '\'' " \ \' $HOME $'a' * ? [a-z] {a,b} ~ ~root !! # a#b -n -- %s a=b é 日本語 🐇`.split(
    " ",
  ),
  ...["`id`", "$(id)", "${x:?}", "; exit 3", "&& false", "| cat", ">/dev/null", "<(id)", "END_OF_SCRIPT"],
  ...["", " ", "\t", "\n", "a\nb\n", "\r\n", "\u0001", "\u007f", "\u00a0"],
];

test("hostile values come through", async () => {
  assert.deepEqual(await words(hostile), hostile);
});

test("any value comes through", async () => {
  // No argument can hold a NUL, and no UTF-8 text half a surrogate pair, which this unit has not.
  const value = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", ""));
  const shellish = fc.string({ unit: fc.constantFrom(...Array.from("'\"\\$`(){}[]<>|&;!*?~# \n\t=a")) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(value, shellish), { minLength: 20, maxLength: 60 }),
      async (values) => {
        assert.deepEqual(await words(values), values);
      },
    ),
    { numRuns: 40 },
  );
});

test("harmless values stay readable", () => {
  for (const word of [
    "cent120",
    "192.168.56.0/24",
    "rabbitmq:rabbitmq",
    "/etc/a-b_c.conf",
    "user@host",
    "a,b+c=50%",
  ]) {
    assert.equal(shellWord(word), word);
  }
});
