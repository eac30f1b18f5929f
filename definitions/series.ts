/** What definitions of one series of RabbitMQ have to lose before another series takes them. */
import { compareSeries, seriesNameOf, seriesOf } from "../hosts/rabbitmq-series.ts";
import { asMap, type DefinitionObject, type Definitions, type Entry } from "./exported-definitions.ts";

/** An object that is not made, or not as it was, and why. */
export interface LeftOut extends Entry {
  readonly reason: string;
}

export interface Adapted {
  readonly definitions: Definitions;
  readonly leftOut: readonly LeftOut[];
  /** Objects that are made without a part of theirs. */
  readonly shortened: readonly LeftOut[];
}

const isMirrorKey = (key: string): boolean => key.startsWith("ha-");

/** @param version of the RabbitMQ that is to take them */
export function adaptDefinitions(definitions: Definitions, version: string): Adapted {
  const [from, to] = [seriesNameOf(definitions.version), seriesNameOf(version)];
  if (from === to) return { definitions, leftOut: [], shortened: [] };
  const leftOut: LeftOut[] = [];
  const shortened: LeftOut[] = [];
  const hasMirrors = seriesOf(version)?.hasMirrors ?? true;
  const withoutMirrors = (entry: Entry, definition: Readonly<Record<string, unknown>>) => {
    const mirrors = Object.keys(definition).filter(isMirrorKey).sort();
    if (hasMirrors || mirrors.length === 0) return definition;
    const rest = Object.entries(definition).filter(([key]) => !isMirrorKey(key));
    const reason = `RabbitMQ ${String(to)} has no mirrored queues (${mirrors.join(", ")})`;
    (rest.length === 0 ? leftOut : shortened).push({ ...entry, reason });
    return rest.length === 0 ? undefined : Object.fromEntries(rest);
  };
  const policies = definitions.policies.flatMap((object): DefinitionObject[] => {
    const definition = withoutMirrors({ category: "policies", object }, asMap(object["definition"]));
    return definition === undefined ? [] : [{ ...object, definition }];
  });
  const parameters = definitions.parameters.flatMap((object): DefinitionObject[] => {
    if (object["component"] !== "operator_policy") return [object];
    const value = asMap(object["value"]);
    const definition = withoutMirrors({ category: "parameters", object }, asMap(value["definition"]));
    return definition === undefined ? [] : [{ ...object, value: { ...value, definition } }];
  });
  // Each stack gives its virtual hosts the type that its series has.
  const vhosts = definitions.vhosts.map((object): DefinitionObject => {
    const { default_queue_type: _, ...metadata } = asMap(object["metadata"]);
    const { default_queue_type: __, ...rest } = object;
    return { ...rest, metadata };
  });
  return { definitions: { ...definitions, policies, parameters, vhosts }, leftOut, shortened };
}

/** Whether definitions of one version go to a version of an earlier series. */
export function goesBack(former: string, version: string): boolean {
  const [from, to] = [seriesNameOf(former), seriesNameOf(version)];
  return from !== undefined && to !== undefined && compareSeries(to, from) < 0;
}
