/** Scripts and files for CentOS 7 use no directive, option or command that its versions do not support. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { runStacks, scriptsOf, commandText, type StackRuns } from "../../support/command-texts.ts";
import { unknownWords, type TextKind } from "../../support/el7-words.ts";
import type { ProgramRun } from "../../support/program.ts";

let stacks: StackRuns;
before(async () => {
  stacks = await runStacks();
});

interface Text {
  readonly title: string;
  readonly kind: TextKind;
  readonly text: string;
}

/** The kind of each file, by its resource's name. */
const kinds: readonly (readonly [RegExp, TextKind])[] = [
  [/-(unit|limits|socket)$/, "unit"],
  [/^haproxy-.*-(config|stats)$/, "haproxy"],
  [/^virtual-address-.*-config$/, "keepalived"],
  [/^cent\d+-config$/, "rabbitmq"],
  [/-(check|revive|move)$/, "shell"],
];

/** @returns every script and every file of the stack; the commands of a unit count as shell, too */
function textsOf(run: ProgramRun): Text[] {
  const scripts = scriptsOf(run).map(({ title, outer }) => ({ title, kind: "shell" as const, text: outer }));
  const files = run.graph.nodes.flatMap((node): Text[] => {
    const [, kind] = kinds.find(([pattern]) => pattern.test(node.name)) ?? [];
    if (kind === undefined || node.inputs["stdin"] === undefined) return [];
    const text = commandText(node, "stdin");
    const commands = [...text.matchAll(/^Exec\w+=(.*)$/gm)].map(([, command = ""]) => command);
    return [
      { title: node.name, kind, text },
      ...(kind === "unit" ? [{ title: node.name, kind: "shell" as const, text: commands.join("\n") }] : []),
    ];
  });
  return [...scripts, ...files];
}

/** @returns the lines with a word that CentOS 7 does not support, each with the word's first version and the source */
function findings(texts: readonly Text[]): string[] {
  return texts.flatMap(({ title, kind, text }) => {
    const lines = text.split("\n").filter((line) => !/^\s*#/.test(line));
    return unknownWords
      .filter((word) => word.kind === kind)
      .flatMap(({ pattern, since, source }) =>
        lines
          .filter((line) => pattern.test(line))
          .map((line) => `${title}: ${line.trim()} (known to ${since}; ${source})`),
      );
  });
}

for (const stack of ["centos7", "centos7Source", "awsCentos7"] as const) {
  test(`${stack}: every word is known`, () => {
    const texts = textsOf(stacks[stack]);
    for (const kind of ["shell", "unit", "haproxy", "keepalived", "rabbitmq"]) {
      assert.ok(
        texts.some((text) => text.kind === kind),
        `no ${kind} was found`,
      );
    }
    assert.ok(texts.length > 100);
    assert.deepEqual(findings(texts), []);
  });
}

test("each pattern matches its example", () => {
  for (const { pattern, example } of unknownWords) assert.match(example, pattern);
});

test("the same table finds the newer words that other systems get", () => {
  const found = findings(textsOf(stacks.rocky9)).join("\n");
  for (const word of ["StartLimitIntervalSec", "dnf -y"]) assert.ok(found.includes(word), word);
  assert.ok(findings(textsOf(stacks.other)).some((line) => line.includes("BindReadOnlyPaths")));
  assert.ok(findings(textsOf(stacks.other)).some((line) => line.includes("CollectMode")));
  assert.ok(findings(textsOf(stacks.dev)).some((line) => line.includes("-S /run/haproxy-master.sock")));
});

// Before bash 4.4, an array without elements counts as unset to `set -u` (its NEWS).
test("no array that may be empty is expanded unguarded", () => {
  const unguarded = textsOf(stacks.centos7).flatMap(({ title, kind, text }) => {
    if (kind !== "shell" || !/^set -\w*u/m.test(text)) return [];
    const empty = [...text.matchAll(/\b(\w+)=\(\)/g)].map(([, name = ""]) => name);
    return empty
      .filter((name) => {
        const at = text.indexOf(`"\${${name}[@]}"`);
        return at >= 0 && !text.slice(0, at).includes(`\${#${name}[@]}`);
      })
      .map((name) => `${title}: ${name}`);
  });
  assert.deepEqual([...new Set(unguarded.map((line) => line.replaceAll(/cent\d+/g, "")))], []);
});
