/** What the templates name is there in the values that the program gives them, in every stack. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { lookUp, namesIn, noteRenderings, templates } from "../../support/template-names.ts";

const renderings = noteRenderings();
before(async () => {
  // Loaded now, so that the notes begin before the first template is compiled.
  const { runStacks } = await import("../../support/documents.ts");
  await runStacks();
  const { strangersDocuments } = await import("../../support/machines-documents.ts");
  strangersDocuments();
  const { probes } = await import("../../support/probes.ts");
  probes();
});

for (const [name, source] of templates()) {
  test(name, () => {
    const own = renderings.filter((rendering) => rendering.source === source);
    assert.ok(own.length > 0, "nobody renders it");
    const looks = own.map(lookUp);
    assert.deepEqual([...new Set(looks.flatMap(({ missing }) => [...missing]))], []);
    const visited = new Set(looks.flatMap(({ visited: places }) => [...places]));
    assert.deepEqual(
      namesIn(source).filter((place) => !visited.has(place)),
      [],
      "nobody comes to these places",
    );
  });
}

const missing = (source: string, values: object): string[] => [...lookUp({ source, values }).missing];

test("a misspelt name is found wherever it stands", () => {
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
  assert.deepEqual(missing("{{hs check}}", values), ["line 1: hs is a helper that there is not"]);
  assert.deepEqual(missing("{{#with ports}}{{/with}}", values), ["line 1: with is a block that computes"]);
});

test("a place that is not come to is told", () => {
  const source = "{{#each list}}{{this}}{{/each}}";
  assert.deepEqual(namesIn(source), ["1:8 list", "1:16 this"]);
  assert.deepEqual([...lookUp({ source, values: { list: [] } }).visited], ["1:8 list"]);
});
