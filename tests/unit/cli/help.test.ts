/** The help of the npm scripts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { commandHelp, formatCommands, formatUsage, isCommand } from "../../../cli/help.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const main = join(root, "cli", "main.ts");

test("every npm script of the project has its help, on one line", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const names = Object.keys(scripts).filter((name) => scripts[name]?.includes("cli/bootstrap.mjs"));
  assert.deepEqual(Object.keys(commandHelp).sort(), names.sort());
  for (const name of names) assert.match(formatCommands(), new RegExp(`^ {2}npm run ${name} +\\S.*$`, "m"));
});

test("the usage has each flag on a line of its own, and an example", () => {
  for (const [name, { flags, example }] of Object.entries(commandHelp)) {
    assert.ok(isCommand(name));
    const lines = formatUsage(name).split("\n");
    for (const [flag, meaning] of flags)
      assert.ok(lines.some((line) => line.trim().startsWith(flag) && line.endsWith(meaning)));
    assert.ok(lines.includes(`Example: npm run ${name} -- ${example}`));
    assert.ok(
      lines.every((line) => line.length <= 120 || line.startsWith("npm run")),
      name,
    );
  }
});

test("--help of a command prints its usage; an unknown command prints all commands and ends with 2", async () => {
  const options = { cwd: root, reject: false } as const;
  const [usage, all, unknown, none] = await Promise.all(
    [["up", "--help"], ["--help"], ["upp"], []].map((args) =>
      execa(process.execPath, [main, ...args], options),
    ),
  );
  assert.deepEqual([usage?.exitCode, `${usage?.stdout ?? ""}\n`], [0, formatUsage("up")]);
  assert.deepEqual([all?.exitCode, `${all?.stderr ?? ""}\n`], [0, formatCommands()]);
  assert.equal(unknown?.exitCode, 2);
  assert.match(unknown.stderr, /^there is no command upp; write one of these:\n\n {2}npm run up /);
  assert.deepEqual([none?.exitCode, `${none?.stderr ?? ""}\n`], [2, formatCommands()]);
});
