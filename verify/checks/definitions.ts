/** Checks that the cluster has what the stack defines: virtual hosts, users, permissions, policies, queues. */
import { createHash } from "node:crypto";
import { z } from "zod";
import {
  definitionKindNames,
  definitionKinds,
  isSameValue,
  keyOf,
  plain,
  titleOf,
  type DefinedObject,
  type DefinitionFields,
  type DefinitionKindName,
} from "../../hosts/definition-objects.ts";
import { ownValue } from "../../hosts/own-value.ts";
import { definitionsStepName, definitionUsersStepName } from "../../hosts/resource-names.ts";
import { combineVerdicts, fail, type Finding, needsOperator, runCheck, type Verdict } from "../finding.ts";
import { attributeTimeouts, type ClusterClient } from "../management.ts";
import type { System } from "../outputs.ts";

const rows = z.array(z.record(z.string(), z.unknown()));
const answer = z.object(
  Object.fromEntries(definitionKindNames.map((kind) => [definitionKinds[kind].list, rows])),
);
export type DefinitionAnswer = Readonly<Record<string, readonly DefinitionFields[]>>;

export type WantedDefinitions = Required<Pick<System, "definitions" | "userPasswords">>;

export async function examineDefinitions(cluster: ClusterClient): Promise<Finding[]> {
  const { definitions, userPasswords } = cluster.system;
  if (definitions === undefined || definitions === null) return [];
  const onFailure = attributeTimeouts(cluster, []);
  const check = runCheck("definitions", "cluster", onFailure, async () => {
    const api = await cluster.firstToAnswer;
    // The list of all definitions says less of these.
    const [all, vhosts, queues, exchanges] = await Promise.all([
      api.get("/api/definitions", answer),
      api.get("/api/vhosts", rows),
      api.get("/api/queues?disable_stats=true&columns=name,vhost,type,durable,auto_delete,arguments", rows),
      api.get("/api/exchanges", rows),
    ]);
    return judgeDefinitions({ definitions, userPasswords }, { ...all, vhosts, queues, exchanges });
  });
  return [await check];
}

/** @returns a problem for each object that is missing or otherwise */
export function judgeDefinitions(
  { definitions, userPasswords }: WantedDefinitions,
  found: DefinitionAnswer,
): Verdict {
  const lines = definitions?.lines ?? [];
  const actual = new Map<string, DefinitionFields>();
  const own = ownLimits(found["global_parameters"] ?? []);
  for (const kind of definitionKindNames) {
    for (const row of found[definitionKinds[kind].list] ?? []) {
      const fields = commonForm(kind, kind === "user" ? withOwnLimits(row, own) : row);
      actual.set(keyOf({ kind, fields }), fields);
    }
  }
  const problems = lines.map(parseLine).flatMap((wanted) => objectProblems(wanted, actual));
  const users = found["users"] ?? [];
  const all = [...problems, ...passwordProblems(definitions?.hashes ?? {}, userPasswords ?? {}, users)];
  return combineVerdicts(shortened(all), `${lines.length} objects as defined`);
}

/** @returns each user's own limit of connections while a migration keeps everybody out; less than 0 for none */
function ownLimits(parameters: readonly DefinitionFields[]): ReadonlyMap<string, number> {
  const value = parameters.find(({ name }) => name === "rabbitmq_ha_fence")?.["value"];
  const known = typeof value === "string" ? (JSON.parse(value) as Readonly<Record<string, number>>) : {};
  return new Map(Object.entries(known));
}

/** As in agent/migration.py: the limit of 0 is the migration's, which gives each user its own one back. */
function withOwnLimits(user: DefinitionFields, own: ReadonlyMap<string, number>): DefinitionFields {
  const limit = own.get(String(user["name"]));
  const { "max-connections": now, ...others } = plain(user["limits"] ?? {}) as Record<string, unknown>;
  if (limit === undefined || now !== 0) return user;
  return { ...user, limits: limit < 0 ? others : { ...others, "max-connections": limit } };
}

const maxNamed = 10;

function shortened(problems: readonly Verdict[]): readonly Verdict[] {
  const rest = problems.slice(maxNamed);
  if (rest.length === 0) return problems;
  const resources = rest.flatMap(({ resourcesToRerun }) => resourcesToRerun);
  return [...problems.slice(0, maxNamed), fail(`and ${rest.length} more`, ...resources)];
}

function parseLine(line: string): DefinedObject {
  const [kind = ""] = line.split(" ", 1);
  const known = definitionKindNames.find((each) => each === kind) ?? "queue";
  const fields = JSON.parse(line.slice(kind.length + 1)) as DefinitionFields;
  return { kind: known, fields: commonForm(known, fields) };
}

/** RabbitMQ changes these by no command. */
const fixed: readonly DefinitionKindName[] = ["exchange", "queue"];

function objectProblems(wanted: DefinedObject, actual: ReadonlyMap<string, DefinitionFields>): Verdict[] {
  const title = titleOf(wanted);
  const has = actual.get(keyOf(wanted));
  if (has === undefined) {
    const steps =
      wanted.kind === "user" ? [definitionUsersStepName, definitionsStepName] : [definitionsStepName];
    return [fail(`the ${title} is missing`, ...steps)];
  }
  const other = Object.keys(wanted.fields).filter((key) => !isSameValue(wanted.fields[key], has[key]));
  if (other.length === 0) return [];
  const told = other.map(
    (key) => `${key} ${JSON.stringify(has[key])} instead of ${JSON.stringify(wanted.fields[key])}`,
  );
  const detail = `the ${title} has ${told.join(", ")}`;
  return [
    fixed.includes(wanted.kind)
      ? needsOperator(detail, `state what the ${title} has, or delete it when it is empty`)
      : fail(detail, definitionsStepName),
  ];
}

/** The same forms as in agent/definitions.py. */
function commonForm(kind: DefinitionKindName, fields: DefinitionFields): DefinitionFields {
  const mapping = (key: string): DefinitionFields => plain(fields[key]) as DefinitionFields;
  if (kind === "vhost") {
    const { metadata: _, ...all } = { ...mapping("metadata"), ...fields } as Record<string, unknown>;
    return { ...all, ...("tags" in all ? { tags: listOf(all["tags"]) } : {}) };
  }
  if (kind === "user") return { ...fields, tags: listOf(fields["tags"]) };
  if (kind === "binding") return { ...fields, arguments: mapping("arguments") };
  if (kind !== "queue") return fields;
  const { "x-queue-type": _, ...others } = mapping("arguments");
  return { ...fields, arguments: others };
}

function listOf(tags: unknown): string[] {
  const list = typeof tags === "string" ? tags.split(",") : Array.isArray(tags) ? tags.map(String) : [];
  return list.filter((tag) => tag !== "").sort();
}

const algorithms: Readonly<Record<string, string>> = {
  rabbit_password_hashing_sha256: "sha256",
  rabbit_password_hashing_sha512: "sha512",
  rabbit_password_hashing_md5: "md5",
};

/** A hash is its salt of four bytes, and the digest of salt and password. */
export function isPasswordOf(password: string, hash: string, algorithm: string): boolean {
  const bytes = Buffer.from(hash, "base64");
  const name = algorithms[algorithm];
  if (name === undefined || bytes.length < 5) return false;
  const digest = createHash(name).update(bytes.subarray(0, 4)).update(password).digest();
  return digest.equals(bytes.subarray(4));
}

function passwordProblems(
  hashes: NonNullable<System["definitions"]>["hashes"],
  passwords: Readonly<Record<string, string>>,
  users: readonly DefinitionFields[],
): Verdict[] {
  return users.flatMap(({ name, password_hash: hash, hashing_algorithm: algorithm }): Verdict[] => {
    const stated = ownValue(hashes, String(name));
    const password = ownValue(passwords, String(name));
    const isRight =
      stated === undefined
        ? password === undefined || isPasswordOf(password, String(hash), String(algorithm))
        : stated.password_hash === hash && stated.hashing_algorithm === algorithm;
    return isRight ? [] : [fail(`the password of ${String(name)} is another one`, definitionUsersStepName)];
  });
}
