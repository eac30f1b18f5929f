/** The examples in the components' docstrings, compiled against the components themselves. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { root } from "../../support/dev-stack.ts";

const folder = join(root, "components");

/** What an example may use without declaring it: values that the program has at that point. */
const declarations = `
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { defaultPorts } from "../hosts/protocol-ports.ts";
declare const host: Host;
declare const balancers: readonly Host[];
declare const peers: readonly { readonly name: string; readonly address: string }[];
declare const brokers: readonly { readonly name: string; readonly address: string }[];
declare const cookie: pulumi.Output<string>;
declare const nodes: readonly [RabbitNode, RabbitNode, RabbitNode];
declare const haproxyPair: HaproxyPair;
declare const cluster: RabbitCluster;
declare const mirrorPolicy: MirrorPolicy;
`;

interface Example {
  /** The file that the example is compiled as. */
  readonly file: string;
  readonly code: string;
}

interface Component {
  readonly name: string;
  readonly module: string;
  readonly examples: readonly Example[];
}

/** @returns the exported classes of a module, with the examples in their docstrings */
function componentsIn(module: string): Component[] {
  const path = join(folder, module);
  const { statements } = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  return statements.filter(ts.isClassDeclaration).flatMap((declaration) => {
    const { name, modifiers = [] } = declaration;
    if (name === undefined || !modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    const tags = ts.getJSDocTags(declaration).filter(({ tagName }) => tagName.text === "example");
    const examples = tags.map(({ comment }, index) => ({
      file: join(folder, `example-${name.text}-${String(index + 1)}.ts`),
      code: ts.getTextOfJSDocComment(comment) ?? "",
    }));
    return [{ name: name.text, module, examples }];
  });
}

const modules = readdirSync(folder).filter((name) => name.endsWith(".ts"));
const components = modules.flatMap(componentsIn);
const imports = components.map(({ name, module }) => `import { ${name} } from "./${module}";`).join("\n");

/** Compiles files that are not on disk with the project's options. @param files path to text */
function compile(files: ReadonlyMap<string, string>): ts.Program {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path)) as {
    config: { compilerOptions: object };
  };
  // No example uses all of the imports and declarations.
  const { options, errors } = ts.convertCompilerOptionsFromJson(
    { ...config.compilerOptions, noUnusedLocals: false },
    root,
  );
  assert.deepEqual(errors, []);
  const disk = ts.createCompilerHost(options);
  const readFile = (path: string): string | undefined => files.get(path) ?? disk.readFile(path);
  return ts.createProgram([...files.keys()], options, {
    ...disk,
    readFile,
    fileExists: (path) => files.has(path) || disk.fileExists(path),
    getSourceFile: (path, version) => {
      const text = readFile(path);
      return text === undefined ? undefined : ts.createSourceFile(path, text, version);
    },
  });
}

const examples = components.flatMap((component) => component.examples);
const program = compile(
  new Map(examples.map(({ file, code }) => [file, [imports, declarations, code].join("\n")])),
);

/** @returns the compiler's errors in a file, formatted */
function mistakesIn(file: string): string {
  const source = program.getSourceFile(file);
  assert.ok(source !== undefined);
  return ts.formatDiagnostics(
    [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)],
    { getCanonicalFileName: (path) => path, getCurrentDirectory: () => root, getNewLine: () => "\n" },
  );
}

for (const { name, examples } of components) {
  for (const [index, { file, code }] of examples.entries()) {
    test(`example ${String(index + 1)} of ${name} compiles`, () => {
      assert.ok(code.includes(`new ${name}(`), `it creates no ${name}`);
      assert.equal(mistakesIn(file), "", code);
    });
  }
}

test("every @example in components/ belongs to an exported class and is compiled here", () => {
  const texts = modules.map((module) => readFileSync(join(folder, module), "utf8")).join("\n");
  const count = texts.match(/@example\b/g)?.length;
  assert.ok(examples.length > 0);
  assert.equal(examples.length, count);
});
