/** Turns a template and its values into the text of one file or script. Templates compute nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Handlebars from "handlebars";

/** A value as one word of a shell command line, whatever it contains. */
export function shellWord(value: unknown): string {
  const text = String(value);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

const engine = Handlebars.create();
engine.registerHelper("sh", shellWord);
engine.registerHelper("pluck", (list: readonly Record<string, unknown>[], key: string) => list.map((item) => item[key]));
engine.registerHelper("join", (list: readonly string[], by: string) => list.join(by));

const compiled = new Map<string, HandlebarsTemplateDelegate>();

/** @returns the source of a template, named by its path below templates/ without `.hbs` */
export function source(name: string): string {
  return readFileSync(join(import.meta.dirname, `${name}.hbs`), "utf8");
}

/** Makes the partials of a text known, and those that they have themselves. */
function registerPartials(text: string): void {
  for (const [, partial] of text.matchAll(/\{\{>\s*([\w/.-]+)/g)) {
    if (partial === undefined || engine.partials[partial] !== undefined) continue;
    const part = source(partial);
    engine.registerPartial(partial, part);
    registerPartials(part);
  }
}

/**
 * Renders `templates/<name>.hbs`. Nothing is escaped; `{{sh value}}` makes a value one shell word. Partials are
 * `{{> remote/await}}`: the templates themselves, by the same names.
 * @throws Error when a value that the template names is missing: a mistake in this program, never in its input.
 */
export function render(name: string, values: object): string {
  let template = compiled.get(name);
  if (template === undefined) {
    const text = source(name);
    registerPartials(text);
    template = engine.compile(text, { noEscape: true, strict: true, preventIndent: true });
    compiled.set(name, template);
  }
  return template(values);
}
