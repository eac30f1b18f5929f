/** The program on the hosts (`agent/`): what is sent of it, and what tells that a step of it does something else now. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { deflateSync } from "node:zlib";

const root = dirname(import.meta.dirname);

/** Where the program lies on a host; sudo's own path does not lead there everywhere. */
export const programPath = "/usr/local/bin/rabbitmq-ha";

/** The folder of its modules, one for each version of it. */
export const programFolder = "/usr/local/lib/rabbitmq-ha";

/** What Python finds the newest version's modules in. */
export const programCurrent = `${programFolder}/current`;

/** The program's files, by their path below the project's folder. */
function readProgram(): ReadonlyMap<string, string> {
  const names = readdirSync(join(root, "agent"), { recursive: true, encoding: "utf8" });
  const paths = names
    .filter((name) => name.endsWith(".py") || name === "rabbitmq-ha")
    .map((name) => join("agent", name));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

const program = readProgram();

/** What is sent to a host: each file as its path, its length in bytes and its text; deflated, in base 64. */
export const programBundle: string = deflateSync(
  [...program].map(([path, text]) => `${path}\n${Buffer.byteLength(text)}\n${text}`).join(""),
).toString("base64");

/** Changes with any file of the program. */
export const programVersion: string = shortHash(programBundle);

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/** @returns a module's text without what changes nothing that it does: comments, docstrings, empty lines */
function essence(text: string): string {
  const lines = text.replaceAll(/^\s*"""[\s\S]*?"""\s*$/gm, "").split("\n");
  return lines.filter((line) => !/^\s*(#.*)?$/.test(line)).join("\n");
}

/** @returns the paths of the program's own modules that a module imports */
function importsOf(path: string, text: string): string[] {
  const found: string[] = [];
  for (const [, dots = "", module = "", names = ""] of text.matchAll(
    /^\s*from (\.+)([\w.]*) import ([^\n#(]+)/gm,
  )) {
    const base = normalize(
      join(dirname(path), ...Array.from({ length: dots.length - 1 }, () => ".."), ...module.split(".")),
    );
    for (const name of names.split(",")) {
      found.push(`${base}.py`, join(base, `${name.trim().split(" ")[0] ?? ""}.py`));
    }
  }
  return found.filter((each) => program.has(each));
}

/** @returns a module and all that it imports, near or far */
function closure(path: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const each of importsOf(path, program.get(path) ?? "")) closure(each, seen);
  return seen;
}

const versions = new Map<string, string>();

/**
 * @returns a text that changes when a subcommand does something else than before: it stands behind each step, so that a
 * new release runs again exactly those steps whose behaviour it changed
 * @throws Error when there is no such subcommand: a mistake in this program, never in its input
 */
export function stepVersion(subcommand: string): string {
  const known = versions.get(subcommand);
  if (known !== undefined) return known;
  const path = `agent/steps/${subcommand.replaceAll("-", "_")}.py`;
  if (!program.has(path)) throw new Error(`the program on the hosts has no subcommand ${subcommand}`);
  const texts = [...closure(path)].sort().map((each) => essence(program.get(each) ?? ""));
  const version = shortHash(texts.join("\0")).slice(0, 8);
  versions.set(subcommand, version);
  return version;
}
