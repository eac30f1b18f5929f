/** The names that a template uses, and whether its values have them: strict mode does not notice `{{#if typo}}`. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import Handlebars from "handlebars";
import { root } from "./dev-stack.ts";

/** What a template was rendered with. */
export interface Rendering {
  readonly source: string;
  readonly values: object;
}

/** Records the values of every rendering from now on; must be called before templates/render.ts is loaded. */
export function recordRenderings(): readonly Rendering[] {
  const noted: Rendering[] = [];
  const create = Handlebars.create.bind(Handlebars);
  const createNoting = (): typeof Handlebars => {
    const engine = create();
    const compile = engine.compile.bind(engine);
    return Object.assign(engine, {
      compile: (source: string, options?: CompileOptions): HandlebarsTemplateDelegate => {
        const template: HandlebarsTemplateDelegate = compile(source, options);
        return (values: object, runtime) => {
          noted.push({ source, values });
          return template(values, runtime);
        };
      },
    });
  };
  Object.assign(Handlebars, { create: createNoting });
  return noted;
}

/** @returns the source of each template, by its path below templates/ without `.hbs` */
export function templates(): ReadonlyMap<string, string> {
  const folder = join(root, "templates");
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter(({ name }) => name.endsWith(".hbs"))
    .map(({ parentPath, name }) => join(parentPath, name));
  return new Map(files.map((file) => [relative(folder, file).slice(0, -4), readFileSync(file, "utf8")]));
}

/** The helpers that templates/render.ts adds. */
const helpers = ["sh", "join", "pluck"];

/** Walks one template with one set of values. */
class Walk {
  /** The names that are missing from the values, each with its line. */
  readonly missing = new Set<string>();
  /** The names that were looked up, each with its position. */
  readonly visited = new Set<string>();

  program(program: hbs.AST.Program | undefined, scopes: readonly unknown[]): void {
    for (const statement of program?.body ?? []) this.#statement(statement, scopes);
  }

  #statement(statement: hbs.AST.Statement, scopes: readonly unknown[]): void {
    if (isMustache(statement)) {
      if (statement.params.length === 0) this.#value(statement.path, scopes);
      else this.#call(statement, scopes);
    } else if (isBlock(statement)) {
      this.#block(statement, scopes);
    }
  }

  #call(
    { path, params }: Pick<hbs.AST.SubExpression, "params"> & { path: hbs.AST.Node },
    scopes: readonly unknown[],
  ): void {
    if (!isPath(path) || !helpers.includes(path.original)) this.#miss(path, "an unknown helper");
    for (const parameter of params) this.#value(parameter, scopes);
  }

  #block({ path, params, program, inverse }: hbs.AST.BlockStatement, scopes: readonly unknown[]): void {
    const [subject] = params;
    if (subject === undefined || !["each", "if", "unless"].includes(path.original)) {
      this.#miss(path, "an unsupported block");
      return;
    }
    const value = this.#value(subject, scopes);
    if (path.original !== "each") this.program(program, scopes);
    else if (Array.isArray(value)) for (const item of value) this.program(program, [...scopes, item]);
    else if (value !== undefined) this.#miss(subject, "no list");
    this.program(inverse, scopes);
  }

  #value(expression: hbs.AST.Node, scopes: readonly unknown[]): unknown {
    if (isSubExpression(expression)) this.#call(expression, scopes);
    if (!isPath(expression)) return undefined;
    const { start } = expression.loc;
    this.visited.add(`${start.line}:${start.column} ${expression.original}`);
    let value = scopes.at(-1 - expression.depth);
    for (const part of expression.parts) {
      if (typeof value !== "object" || value === null || !(part in value)) {
        this.#miss(expression, "not among the values");
        return undefined;
      }
      value = (value as Record<string, unknown>)[part];
    }
    return value;
  }

  #miss(node: hbs.AST.Node, why: string): void {
    this.missing.add(`line ${node.loc.start.line}: ${isPath(node) ? node.original : node.type} is ${why}`);
  }
}

/** @returns the names of a template that its values lack, and the positions of all names that were looked up */
export function resolveNames({ source, values }: Rendering): {
  missing: ReadonlySet<string>;
  visited: ReadonlySet<string>;
} {
  const walk = new Walk();
  walk.program(Handlebars.parse(source), [values]);
  return walk;
}

/** @returns the positions of all names in a template */
export function namesIn(source: string): string[] {
  const places: string[] = [];
  const collect = new (class extends Handlebars.Visitor {
    override PathExpression({ original, loc }: hbs.AST.PathExpression): void {
      places.push(`${loc.start.line}:${loc.start.column} ${original}`);
    }
    // The names of partials, helpers and blocks are not names of values.
    override PartialStatement(): void {
      return;
    }
    override MustacheStatement(mustache: hbs.AST.MustacheStatement): void {
      if (mustache.params.length === 0) this.accept(mustache.path);
      this.acceptArray(mustache.params);
    }
    override SubExpression({ params }: hbs.AST.SubExpression): void {
      this.acceptArray(params);
    }
    override BlockStatement(block: hbs.AST.BlockStatement): void {
      this.acceptArray(block.params);
      for (const part of [block.program, block.inverse as hbs.AST.Program | undefined]) {
        if (part !== undefined) this.accept(part);
      }
    }
  })();
  collect.accept(Handlebars.parse(source));
  return places;
}

function isPath(node: hbs.AST.Node): node is hbs.AST.PathExpression {
  return node.type === "PathExpression";
}

function isMustache(node: hbs.AST.Node): node is hbs.AST.MustacheStatement {
  return node.type === "MustacheStatement";
}

function isBlock(node: hbs.AST.Node): node is hbs.AST.BlockStatement {
  return node.type === "BlockStatement";
}

function isSubExpression(node: hbs.AST.Node): node is hbs.AST.SubExpression {
  return node.type === "SubExpression";
}
