/** What NEW makes of OLD's users, virtual hosts, exchanges and parameters. */
import type { DefinitionObject, Entry } from "../definitions/exported-definitions.ts";
import { fieldsOf, textOf, without } from "./fields.ts";
import { becomes, blocks, cannot, type Note } from "./notes.ts";
import type { Origin, Target } from "./plan.ts";

export interface Translation {
  /** As NEW gets it; undefined if it gets none. */
  readonly object: DefinitionObject | undefined;
  /** Whether NEW gets it only once OLD sends nothing any more. */
  readonly isLater?: boolean;
  readonly notes: readonly Note[];
}

const asItIs = (object: DefinitionObject): Translation => ({ object, notes: [] });
const leftOut = (...notes: readonly Note[]): Translation => ({ object: undefined, notes });

/** Whether OLD's stack or its brokers have made it for themselves, so that nobody misses it in NEW. */
export function isOwn({ category, object }: Entry, origin: Origin, target: Target): boolean {
  const name = textOf(object["name"]);
  const user = textOf(object["user"]);
  switch (category) {
    case "users":
      return name === origin.adminUser;
    case "permissions":
    case "topic_permissions":
      // If both have the same name, NEW's administrator is let into each virtual host, as OLD's was.
      return user === origin.adminUser && (user !== target.adminUser || object["vhost"] === "/");
    case "policies":
      return name === origin.policyName;
    case "global_parameters":
      return name === "cluster_name" || name.startsWith("rabbitmq_ha_") || name.startsWith("internal");
    case "exchanges":
      return name === "" || name.startsWith("amq.");
    default:
      return false;
  }
}

/** @returns what becomes of an object that is no queue, no policy and no operator policy */
export function translateObject({ category, object }: Entry, target: Target): Translation {
  switch (category) {
    case "users":
      return object["name"] === "guest" ? leftOut(guestNote) : asItIs(object);
    case "permissions":
    case "topic_permissions":
      return object["user"] === "guest" ? leftOut() : asItIs(object);
    case "vhosts":
      return translateVhost(object);
    case "exchanges":
      return translateExchange(object, target);
    case "parameters":
      return translateParameter(object, target);
    default:
      return asItIs(object);
  }
}

const guestNote = cannot(
  "is not made",
  "everybody knows its password, so this program deletes that user in each stack",
  "give clients that log in as guest a user of their own before",
);

/** NEW has a default type of its own. One other than classic was chosen, and queues were made by it. */
function translateVhost(object: DefinitionObject): Translation {
  const metadata = fieldsOf(object["metadata"]);
  const type = textOf(object["default_queue_type"]) || textOf(metadata["default_queue_type"]);
  if (type === "quorum" || type === "stream") return asItIs(object);
  const rest = without(object, ["default_queue_type"]);
  const notes =
    type === "classic"
      ? [
          becomes(
            "has NEW's default type of queues, no longer classic",
            "mirrored queues become quorum queues",
          ),
        ]
      : [];
  return { object: { ...rest, metadata: without(metadata, ["default_queue_type"]) }, notes };
}

const pluginOfExchange: Readonly<Record<string, string>> = {
  "x-consistent-hash": "rabbitmq_consistent_hash_exchange",
  "x-modulus-hash": "rabbitmq_sharding",
  "x-random": "rabbitmq_random_exchange",
  "x-recent-history": "rabbitmq_recent_history_exchange",
  "x-jms-topic": "rabbitmq_jms_topic_exchange",
  "x-event": "rabbitmq_event_exchange",
  "x-delayed-message": "rabbitmq_delayed_message_exchange",
};

function unknownNote(what: string, name: string, plugin = "that plug-in"): Note {
  return blocks(
    `is of the ${what} ${name}, which NEW does not know`,
    `the ${what} comes with a plug-in`,
    `add ${plugin} to rabbitmq.plugins of NEW and run up`,
  );
}

function translateExchange(object: DefinitionObject, { exchangeTypes }: Target): Translation {
  const type = textOf(object["type"]);
  if (type === "x-federation-upstream") return leftOut();
  if (!exchangeTypes.includes(type)) return leftOut(unknownNote("type", type, pluginOfExchange[type]));
  return type === "x-delayed-message" ? { object, notes: [delayedNote] } : asItIs(object);
}

const delayedNote = cannot(
  "keeps what it is delaying in OLD, where it is delivered to OLD's queues",
  "the plug-in keeps delayed messages on one broker, outside of queues",
  "stop OLD only once the longest delay is over",
);

/** They fetch or send messages by themselves, so they must not run in both clusters. */
const laterComponents = ["shovel", "federation-upstream", "federation-upstream-set"];
const pluginOfComponent: Readonly<Record<string, string>> = {
  shovel: "rabbitmq_shovel",
  "federation-upstream": "rabbitmq_federation",
  "federation-upstream-set": "rabbitmq_federation",
};

function translateParameter(object: DefinitionObject, { components }: Target): Translation {
  const component = textOf(object["component"]);
  if (!components.includes(component))
    return leftOut(unknownNote("component", component, pluginOfComponent[component]));
  if (laterComponents.includes(component)) return { object, isLater: true, notes: [laterNote] };
  const isLimited =
    component === "vhost-limits" && fieldsOf(object["value"])["max-connections"] !== undefined;
  return isLimited ? { object, notes: [connectionsNote] } : asItIs(object);
}

const laterNote = becomes(
  "is made in NEW only at the end",
  "it moves messages by itself, and would do so twice while both clusters run",
  "see that its addresses are not those of OLD's brokers",
);

const connectionsNote = becomes(
  "also counts the connections of the migration",
  "a shovel has a connection in each cluster",
  "leave room for one connection more for each queue in max-connections",
);
