/** The program on the hosts (`agent/`): the bundle that is sent to them, and a version for each of its steps. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { deflateSync } from "node:zlib";
import { seriesTablePath } from "../hosts/rabbitmq-series.ts";

const root = dirname(import.meta.dirname);

/** The program's path on a host. It is absolute because not every sudo has this folder in its path. */
export const programPath = "/usr/local/bin/rabbitmq-ha";

/** The folder of its modules, with one subfolder for each version. */
export const programFolder = "/usr/local/lib/rabbitmq-ha";

/** The folder of the newest version's modules, for Python's path. */
export const currentProgramFolder = `${programFolder}/current`;

/** Where the bundle has the table of RabbitMQ's series, which `agent/series.py` reads. */
const seriesTable = "agent/series.json";

/** @returns the text of each of the program's files, by its path below the project's folder */
function readProgram(): ReadonlyMap<string, string> {
  const names = readdirSync(join(root, "agent"), { recursive: true, encoding: "utf8" });
  const paths = names
    .filter((name) => name.endsWith(".py") || name === "rabbitmq-ha")
    .map((name) => join("agent", name));
  const modules = paths
    .sort()
    .map((path): [string, string] => [path, readFileSync(join(root, path), "utf8")]);
  return new Map([...modules, [seriesTable, readFileSync(seriesTablePath, "utf8")]]);
}

const program = readProgram();

/** Of each file its path, its length in bytes and its text. */
const files = [...program].map(([path, text]) => `${path}\n${Buffer.byteLength(text)}\n${text}`).join("");

/** A hash of all files of the program. */
export const programVersion: string = shortHash(files);

/** @returns what is sent to a host: the files, deflated, in base 64 */
export function programBundle(): string {
  return deflateSync(files).toString("base64");
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/**
 * @returns a module's text without what does not change its behaviour: comment lines, docstrings and empty lines. A
 * docstring is a string that stands alone, at the start of the module or after a line that ends with a colon.
 */
export function stripComments(text: string): string {
  const kept: string[] = [];
  // Inside a string in triple quotes: whether it is a docstring.
  let inString: "none" | "docstring" | "value" = "none";
  for (const line of text.split("\n")) {
    const quotes = line.split('"""').length - 1;
    if (inString === "none") {
      if (/^\s*(#.*)?$/.test(line)) continue;
      const isDocstring = /^\s*"""/.test(line) && (kept.at(-1)?.endsWith(":") ?? true);
      if (!isDocstring) kept.push(line);
      if (quotes % 2 === 1) inString = isDocstring ? "docstring" : "value";
    } else {
      if (inString === "value") kept.push(line);
      if (quotes % 2 === 1) inString = "none";
    }
  }
  return kept.join("\n");
}

/** @returns the paths of the program's own modules that a module imports */
export function importsOf(path: string, text: string): string[] {
  const found: string[] = [];
  for (const [, dots = "", module = "", several, names = several ?? ""] of text.matchAll(
    /^\s*from (\.+)([\w.]*) import (?:\(([^)]*)\)|([^\n#(]+))/gm,
  )) {
    const base = normalize(
      join(dirname(path), ...Array.from({ length: dots.length - 1 }, () => ".."), ...module.split(".")),
    );
    for (const name of names.split(",")) {
      found.push(`${base}.py`, join(base, `${name.trim().split(" ")[0] ?? ""}.py`));
    }
  }
  if (path === "agent/series.py") found.push(seriesTable);
  return found.filter((each) => program.has(each));
}

/** @returns the paths of a module and of all modules that it imports, directly or indirectly */
function withImports(path: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const each of importsOf(path, program.get(path) ?? "")) withImports(each, seen);
  return seen;
}

const versions = new Map<string, string>();

/**
 * @returns a text that changes with a subcommand's code. It is part of each step's command line, so that a new release
 * re-runs exactly those steps whose code it changed.
 * @throws Error if there is no such subcommand: a mistake in this program, never in its input
 */
export function stepVersion(subcommand: string): string {
  const known = versions.get(subcommand);
  if (known !== undefined) return known;
  const path = `agent/steps/${subcommand.replaceAll("-", "_")}.py`;
  if (!program.has(path)) throw new Error(`the program on the hosts has no subcommand ${subcommand}`);
  const texts = [...withImports(path)].sort().map((each) => stripComments(program.get(each) ?? ""));
  const version = shortHash(texts.join("\0")).slice(0, 8);
  versions.set(subcommand, version);
  return version;
}
