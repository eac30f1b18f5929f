/** `shellWord` (in templates `{{sh value}}`) makes one word of a shell command: bash passes the value unchanged. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { shellWord } from "../../../templates/render.ts";
import { runBash } from "../../support/bash.ts";

/** @returns the arguments that bash passes for values, each in a command of its own */
async function words(values: readonly string[]): Promise<string[]> {
  const commands = values.map((value) => `show ${shellWord(value)}`);
  const shown = `show() { printf '%s\\0' "$#" "$@"; }\n${commands.join("\n")}`;
  const { code, stdout, stderr } = await runBash(shown);
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

test("values with special characters are passed unchanged", async () => {
  assert.deepEqual(await words(hostile), hostile);
});

test("any value is passed unchanged", async () => {
  // An argument cannot contain a NUL, and UTF-8 cannot contain half a surrogate pair, which `binary` never generates.
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

test("plain values are not quoted", () => {
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
