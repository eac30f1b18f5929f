/** Reads `definitions`, inline or from a file as `rabbitmqctl export_definitions` writes it. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import {
  definitionKindNames,
  definitionKinds,
  isMapping,
  type DefinedObject,
  type DefinitionKindName,
} from "../../hosts/definition-objects.ts";
import { parseJson } from "../../json.ts";
import { readFields } from "./fields.ts";
import { unknownKeyMessage, type Fault, type Path } from "../faults.ts";

/** An object, and where it stands. */
export interface GivenObject extends DefinedObject {
  readonly path: Path;
}

export interface DefinitionSource {
  readonly objects: readonly GivenObject[];
  /** Whether it is a file, which may hold what is not to be taken over. */
  readonly isFile: boolean;
  /** The users that may have the tag `administrator`. */
  readonly administrators: readonly string[];
  /** The titles of objects that may be removed although they are not empty. */
  readonly remove: readonly string[];
  readonly faults: readonly Fault[];
  /** The kinds of which an object has a fault, so that not all of them are known. */
  readonly faulty: ReadonlySet<DefinitionKindName>;
  /** @returns the fault of an object of the source */
  readonly faultAt: (path: Path, message: string, value?: unknown) => Fault;
}

const root = dirname(dirname(import.meta.dirname));
const top = "definitions";

/** What an export says of itself. */
const headings = [
  "rabbit_version",
  "rabbitmq_version",
  "product_name",
  "product_version",
  "rabbitmq_definition_format",
  "original_cluster_name",
  "explanation",
];
const options = ["file", "administrators", "remove"];
const lists = definitionKindNames.map((kind) => definitionKinds[kind].list);

export function readDefinitions(given: Readonly<Record<string, unknown>>): DefinitionSource {
  const faults: Fault[] = [];
  const faulty = new Set<DefinitionKindName>();
  const file = given["file"];
  const isFile = file !== undefined;
  const faultAt = (path: Path, message: string, value?: unknown): Fault =>
    isFile
      ? { path: [top, "file"], value: file, message: `${pathText(path)}: ${message}` }
      : { path: [top, ...path], value, message };
  const texts = (key: string): string[] => {
    const value = given[key] ?? [];
    if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
    faults.push({ path: [top, key], value, message: "not a list of texts; write one name a line" });
    return [];
  };
  const inline = Object.fromEntries(Object.entries(given).filter(([key]) => !options.includes(key)));
  if (isFile) {
    for (const key of Object.keys(inline))
      faults.push({ path: [top, key], message: "beside definitions.file; write it into that file" });
  }
  const source = isFile ? fileOrFault(file, faults) : inline;
  const objects = objectsOf(source, faulty, (...words) => faults.push(faultAt(...words)));
  return {
    objects,
    isFile,
    administrators: texts("administrators"),
    remove: texts("remove"),
    faults,
    faulty,
    faultAt,
  };
}

function pathText(path: Path): string {
  return path
    .map((part, index) =>
      typeof part === "number" ? `[${String(part)}]` : `${index > 0 ? "." : ""}${String(part)}`,
    )
    .join("");
}

function fileOrFault(file: unknown, faults: Fault[]): Readonly<Record<string, unknown>> {
  try {
    return readFile(file);
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    faults.push({ path: [top, "file"], value: file, message: error.message });
    return {};
  }
}

/** @throws UnreadableFile */
function readFile(file: unknown): Readonly<Record<string, unknown>> {
  if (typeof file !== "string" || file === "")
    throw new UnreadableFile("not a path; write that of a file as rabbitmqctl export_definitions writes it");
  let content: string;
  try {
    content = readFileSync(resolve(root, file), "utf8");
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    throw new UnreadableFile(
      `cannot be read (${code}); write the path of the file, from the project's folder`,
    );
  }
  const value = parseJson(content);
  if (isMapping(value)) return value;
  throw new UnreadableFile("not JSON with an object; write one as rabbitmqctl export_definitions writes it");
}

class UnreadableFile extends Error {}

function objectsOf(
  source: Readonly<Record<string, unknown>>,
  faulty: Set<DefinitionKindName>,
  report: (path: Path, message: string, value?: unknown) => void,
): GivenObject[] {
  for (const [key, value] of Object.entries(source)) {
    if (headings.includes(key)) continue;
    if (!lists.some((list) => list === key)) report([key], unknownKeyMessage(key, [...options, ...lists]));
    else if (!Array.isArray(value)) report([key], "not a list; write its objects one below the other");
  }
  return definitionKindNames.flatMap((kind) => {
    const { list } = definitionKinds[kind];
    const given = source[list];
    return (Array.isArray(given) ? given : []).flatMap((each, index): GivenObject[] => {
      const path = [list, index];
      const fields = readFields(kind, each, path, report);
      if (fields === undefined) faulty.add(kind);
      return fields === undefined ? [] : [{ kind, fields, path }];
    });
  });
}
