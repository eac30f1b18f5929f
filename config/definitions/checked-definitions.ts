/** RabbitMQ's definitions in the form in which the brokers get them, and the faults in them. */
import {
  canonicalJson,
  definitionKindNames,
  isMapping,
  tagList,
  titleOf,
  type DefinedObject,
  type DefinitionFields,
} from "../../hosts/definition-objects.ts";
import { definitionFaults, reasonToLeaveOut, statedQueueType, type DefinitionContext } from "./rules.ts";
import { readDefinitions, type GivenObject } from "./source.ts";
import type { Fault } from "../faults.ts";
import { rotatedObjects } from "../rotation.ts";
import type { Definitions, DefinedUser } from "../types.ts";

export interface CheckedDefinitions {
  readonly definitions: Definitions;
  readonly faults: readonly Fault[];
}

/** @param given the value of `definitions` */
export function checkDefinitions(
  given: Readonly<Record<string, unknown>>,
  context: DefinitionContext,
): CheckedDefinitions {
  const source = readDefinitions(given);
  const faults: Fault[] = [...source.faults];
  const leftOut: string[] = [];
  const named = source.objects.filter((each) => {
    const reason = reasonToLeaveOut(each, context);
    if (reason === undefined) return true;
    if (source.isFile) leftOut.push(`${titleOf(each)}: ${reason}`);
    else faults.push(source.faultAt(each.path, `${titleOf(each)} is ${reason}; remove it`));
    return false;
  });
  faults.push(...definitionFaults(source, named, context));
  const objects = rotatedObjects(named, context.rotation);
  const types = new Map(
    objects.flatMap(({ kind, fields }) =>
      kind === "vhost" ? [[fields["name"], statedQueueType(fields)] as const] : [],
    ),
  );
  const defaultType = (vhost: unknown): string => types.get(vhost) ?? context.queueType;
  const common = [...objects.map((each) => commonForm(each, defaultType)), ...vhostLimits(objects)];
  const lines = definitionKindNames.flatMap((kind) =>
    common
      .filter((each) => each.kind === kind)
      .map(({ fields }) => `${kind} ${canonicalJson(fields)}`)
      .sort(),
  );
  return { definitions: { lines, users: usersOf(objects), remove: source.remove, leftOut }, faults };
}

function usersOf(objects: readonly GivenObject[]): DefinedUser[] {
  const users = objects.filter(({ kind }) => kind === "user");
  return users.map(({ fields }) => ({
    name: String(fields["name"]),
    ...(typeof fields["password_hash"] === "string"
      ? {
          hash: {
            password_hash: fields["password_hash"],
            hashing_algorithm: (fields["hashing_algorithm"] ?? "rabbit_password_hashing_sha256") as string,
          },
        }
      : {}),
  }));
}

function commonForm({ kind, fields }: DefinedObject, defaultType: (vhost: unknown) => string): DefinedObject {
  if (kind === "vhost") return { kind, fields: vhostForm(fields) };
  if (kind === "user") return { kind, fields: userForm(fields) };
  return kind === "queue"
    ? { kind, fields: queueForm(fields, defaultType(fields["vhost"])) }
    : { kind, fields };
}

/** What RabbitMQ's import reads in every series: all but the name is metadata. */
function vhostForm(fields: DefinitionFields): DefinitionFields {
  const { name, metadata, description, tags } = fields;
  const given = isMapping(metadata) ? metadata : {};
  const type = statedQueueType(fields);
  const { default_queue_type: _, ...known } = given;
  const merged: Record<string, unknown> = { ...known, ...(description === undefined ? {} : { description }) };
  const allTags = tags ?? given["tags"];
  if (allTags !== undefined) merged["tags"] = tagList(allTags);
  return { name, metadata: { ...merged, ...(type === undefined ? {} : { default_queue_type: type }) } };
}

function userForm(fields: DefinitionFields): DefinitionFields {
  const { name, tags, limits } = fields;
  return { name, tags: tagList(tags), ...(limits === undefined ? {} : { limits }) };
}

/**
 * RabbitMQ's import of 3.10 and older does not know a virtual host's default type, so the type is among the arguments
 * wherever classic is not what a queue is anyway.
 */
function queueForm(fields: DefinitionFields, defaultType: string): DefinitionFields {
  const given = fields["arguments"] as DefinitionFields;
  const { durable, auto_delete: isTemporary } = fields;
  const stated = given["x-queue-type"] ?? fields["type"];
  const fitting = durable === true && isTemporary === false ? defaultType : "classic";
  const type = stated ?? fitting;
  const isImplied = type === "classic" && (fitting === "classic" || stated === undefined);
  return {
    ...fields,
    ...(stated === undefined ? {} : { type: stated }),
    arguments: isImplied ? given : { ...given, "x-queue-type": type },
  };
}

/** A virtual host's limits are a parameter; exports have them in both places. */
function vhostLimits(objects: readonly GivenObject[]): DefinedObject[] {
  const component = "vhost-limits";
  const stated = objects.filter(
    ({ kind, fields }) => kind === "parameter" && fields["component"] === component,
  );
  return objects.flatMap(({ kind, fields }): DefinedObject[] => {
    const { name: vhost, limits } = fields;
    if (kind !== "vhost" || !isMapping(limits) || Object.keys(limits).length === 0) return [];
    if (stated.some((each) => each.fields["vhost"] === vhost)) return [];
    return [{ kind: "parameter", fields: { vhost, component, name: "limits", value: limits } }];
  });
}
