/** Turns a template and its values into the text of one file or script. Templates compute nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Handlebars from "handlebars";

/** Quotes a value so that a shell reads it as one word, whatever it contains. */
export function shellWord(value: unknown): string {
  const text = String(value);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

const handlebars = Handlebars.create();
handlebars.registerHelper("sh", shellWord);
handlebars.registerHelper("pluck", (list: readonly Record<string, unknown>[], key: string) => list.map((item) => item[key]));
handlebars.registerHelper("join", (list: readonly string[], by: string) => list.join(by));

const compiled = new Map<string, HandlebarsTemplateDelegate>();

/** @returns the text of a template; its name is its path below templates/ without `.hbs` */
export function readTemplate(name: string): string {
  return readFileSync(join(import.meta.dirname, `${name}.hbs`), "utf8");
}

/** Registers the partials that a template uses, and those that they use themselves. */
function registerPartials(text: string): void {
  for (const [, partial] of text.matchAll(/\{\{>\s*([\w/.-]+)/g)) {
    if (partial === undefined || handlebars.partials[partial] !== undefined) continue;
    const part = readTemplate(partial);
    handlebars.registerPartial(partial, part);
    registerPartials(part);
  }
}

/**
 * Renders `templates/<name>.hbs`. Nothing is escaped; `{{sh value}}` makes a value one shell word. Every template can be
 * used as a partial, by the same name: `{{> remote/await}}`.
 * @throws Error if a value that the template uses is missing: a mistake in this program, never in its input.
 */
export function render(name: string, values: object): string {
  let template = compiled.get(name);
  if (template === undefined) {
    const text = readTemplate(name);
    registerPartials(text);
    template = handlebars.compile(text, { noEscape: true, strict: true, preventIndent: true });
    compiled.set(name, template);
  }
  return template(values);
}
