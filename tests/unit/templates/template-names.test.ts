/** Every name in a template exists in the values that the program passes to it, in every stack. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { resolveNames, namesIn, recordRenderings, templates } from "../../support/template-names.ts";

const renderings = recordRenderings();
before(async () => {
  // Imported here, so that recording begins before the first template is compiled.
  const { runStacks } = await import("../../support/command-texts.ts");
  await runStacks();
  const { givenMachineScripts } = await import("../../support/given-machine-scripts.ts");
  givenMachineScripts();
  const { probeScripts } = await import("../../support/probes.ts");
  probeScripts();
});

for (const [name, source] of templates()) {
  test(name, () => {
    const own = renderings.filter((rendering) => rendering.source === source);
    assert.ok(own.length > 0, "it is never rendered");
    const looks = own.map(resolveNames);
    assert.deepEqual([...new Set(looks.flatMap(({ missing }) => [...missing]))], []);
    const visited = new Set(looks.flatMap(({ visited: places }) => [...places]));
    assert.deepEqual(
      namesIn(source).filter((place) => !visited.has(place)),
      [],
      "these places are never rendered",
    );
  });
}

const missing = (source: string, values: object): string[] => [...resolveNames({ source, values }).missing];

test("a misspelt name is found at every position", () => {
  const values = { check: "", list: [{ name: "a" }], ports: { amqp: 1 } };
  const sound =
    "{{#if check}}{{sh check}}{{/if}}{{#each list}}{{name}}{{../ports.amqp}}{{/each}}{{join list check}}";
  assert.deepEqual(missing(sound, values), []);
  for (const [source, name] of [
    ["{{chek}}", "chek"],
    ["{{sh chek}}", "chek"],
    ["{{join (pluck lists 'name') ' '}}", "lists"],
    ["{{ports.ampq}}", "ports.ampq"],
    ["{{#if chek}}{{/if}}", "chek"],
    ["{{#unless chek}}{{/unless}}", "chek"],
    ["{{#each lists}}{{/each}}", "lists"],
    ["{{#each list}}{{nam}}{{/each}}", "nam"],
    ["{{#each list}}{{ports.amqp}}{{/each}}", "ports.amqp"],
    ["{{#each list}}{{../name}}{{/each}}", "../name"],
    ["{{#if check}}{{else}}{{chek}}{{/if}}", "chek"],
  ] as const) {
    assert.deepEqual(missing(source, values), [`line 1: ${name} is not among the values`], source);
  }
  assert.deepEqual(missing("{{hs check}}", values), ["line 1: hs is an unknown helper"]);
  assert.deepEqual(missing("{{#with ports}}{{/with}}", values), ["line 1: with is an unsupported block"]);
});

test("a place that is never rendered is found", () => {
  const source = "{{#each list}}{{this}}{{/each}}";
  assert.deepEqual(namesIn(source), ["1:8 list", "1:16 this"]);
  assert.deepEqual([...resolveNames({ source, values: { list: [] } }).visited], ["1:8 list"]);
});
