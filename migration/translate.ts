/** Writes the plan of a migration from OLD's definitions. */
import { isDeepStrictEqual } from "node:util";
import {
  asMap,
  type Category,
  type DefinitionObject,
  type Definitions,
  definitionsOf,
  type Entry,
  entriesOf,
  labelOf,
} from "../definitions/exported-definitions.ts";
import { fieldsOf, textOf } from "./fields.ts";
import { cannot, findingsOf, type NotedSubject } from "./notes.ts";
import { isOwn, translateObject, type Translation } from "./objects.ts";
import type { CarriedQueue, Origin, Plan, Target } from "./plan.ts";
import { operatorPoliciesOf, operatorPolicyComponent, policiesOf } from "./policies.ts";
import { carriedOf, decideQueue, type QueueContext, queueNotes, queueOnNew } from "./queues.ts";
import { translatePolicies } from "./translated-policies.ts";

/** An object of OLD, and what comes of it. */
interface Outcome extends Translation {
  readonly category: Category;
  readonly former: DefinitionObject;
}

export function translate(old: Definitions, origin: Origin, target: Target): Plan {
  const context: QueueContext = {
    target,
    formerVersion: old.version,
    policies: policiesOf(old),
    operatorPolicies: operatorPoliciesOf(old),
    vhostsWithType: vhostsWithType(old),
  };
  const decided = old.queues.map((queue) => ({ queue, decision: decideQueue(queue, context) }));
  const kinds = decided.flatMap(({ queue, decision }) => ("to" in decision ? [{ ...decision, queue }] : []));
  const policies = translatePolicies(context, kinds, origin);
  const carried: CarriedQueue[] = [];
  const queues = decided.map(({ queue, decision }): Outcome => {
    const former = { category: "queues", former: queue } as const;
    if (!("to" in decision)) return { ...former, object: undefined, notes: [decision] };
    const each = carriedOf(queue, decision, origin.depths, policies.onNew);
    carried.push(each);
    const notes = queueNotes(queue, each, context, policies.onNew);
    return { ...former, object: queueOnNew(queue, decision, target), notes };
  });
  const others = entriesOf(old)
    .filter((entry) => !isTranslatedElsewhere(entry) && !isOwn(entry, origin, target))
    .map((entry) => ({
      category: entry.category,
      former: entry.object,
      ...translateObject(entry, target),
    }));
  return planOf(old.version, [...queues, ...policies.outcomes, ...others], carried);
}

function isTranslatedElsewhere({ category, object }: Entry): boolean {
  return (
    category === "queues" ||
    category === "policies" ||
    (category === "parameters" && object["component"] === operatorPolicyComponent)
  );
}

function vhostsWithType({ vhosts }: Definitions): ReadonlySet<string> {
  const typed = vhosts.filter((vhost) => {
    const type =
      textOf(vhost["default_queue_type"]) || textOf(fieldsOf(vhost["metadata"])["default_queue_type"]);
    return type !== "" && type !== "undefined";
  });
  return new Set(typed.map(({ name }) => textOf(name)));
}

function planOf(version: string, outcomes: readonly Outcome[], carried: readonly CarriedQueue[]): Plan {
  const whole = withoutLooseEnds(outcomes);
  const listed = (isLater: boolean): Definitions =>
    definitionsOf(
      whole.flatMap((each) =>
        each.object !== undefined && (each.isLater ?? false) === isLater
          ? [{ category: each.category, object: each.object }]
          : [],
      ),
      version,
    );
  const noted = whole.flatMap(({ category, former, notes }): NotedSubject[] =>
    notes.map((note) => ({ note, subject: labelOf({ category, object: former }) })),
  );
  const moves = whole.flatMap(({ category, former, object, notes, isLater }): Entry[] =>
    object !== undefined && isLater !== true && notes.length === 0 && isUnchanged(former, object)
      ? [{ category, object }]
      : [],
  );
  return {
    definitions: listed(false),
    later: listed(true),
    queues: carried,
    moves,
    findings: findingsOf(noted),
  };
}

/** A classic queue that stays one has its type written out, which changes nothing. */
function isUnchanged(former: DefinitionObject, object: DefinitionObject): boolean {
  const plain = ({ type: _, ...rest }: DefinitionObject): unknown => ({
    ...rest,
    arguments: { ...asMap(rest["arguments"]), "x-queue-type": null },
    metadata: asMap(rest["metadata"]),
  });
  return isDeepStrictEqual(plain(former), plain(object));
}

/** Bindings whose queue or exchange is not made are not made either. */
function withoutLooseEnds(outcomes: readonly Outcome[]): Outcome[] {
  const key = (kind: string, vhost: unknown, name: unknown): string =>
    JSON.stringify([kind, textOf(vhost), textOf(name)]);
  const missing = new Set(
    outcomes.flatMap(({ category, former, object }) =>
      object === undefined && (category === "queues" || category === "exchanges")
        ? [key(category === "queues" ? "queue" : "exchange", former["vhost"], former["name"])]
        : [],
    ),
  );
  return outcomes.map((outcome) => {
    const { category, former } = outcome;
    const { vhost, source, destination, destination_type: kind } = former;
    const isLoose =
      category === "bindings" &&
      (missing.has(key("exchange", vhost, source)) || missing.has(key(textOf(kind), vhost, destination)));
    return isLoose ? { ...outcome, object: undefined, notes: [looseNote] } : outcome;
  });
}

const looseNote = cannot("is not made", "its queue or its exchange is not made");
