/** Checks `rabbitmq.advanced`, the user's own part of advanced.config, which RabbitMQ lays over rabbitmq.conf. */
import { z } from "zod";
import { distributionPort } from "../hosts/other-ports.ts";
import { distributionPortIsFixed, streamPortsAreFixed } from "./fixed-ports.ts";
import {
  readTerms,
  TermsError,
  type ErlangApplication,
  type ErlangSetting,
  type Token,
} from "./erlang-terms.ts";

interface RefusedTerm {
  readonly applications: RegExp;
  readonly keys: RegExp;
  /** A value that changes nothing. @default none */
  readonly harmless?: string;
  /** What to do instead, and why. */
  readonly message: string;
}

const settings = "write its lines of rabbitmq.conf under rabbitmq.settings";

/** Terms that the program writes itself, or that it reads, as lines of rabbitmq.conf. */
const refusedTerms: readonly RefusedTerm[] = [
  {
    applications: /^kernel$/,
    keys: /^(net_ticktime|net_setuptime)$/,
    message: "the program writes it itself; remove it, and write rabbitmq.netTickTime",
  },
  {
    applications: /^kernel$/,
    keys: /^inet_dist_listen_(min|max)$/,
    harmless: String(distributionPort),
    message: distributionPortIsFixed,
  },
  {
    applications: /^kernel$/,
    keys: /^inet_dist_use_interface$/,
    message: "all brokers get this one address, at which only one could be reached; remove it",
  },
  {
    applications: /^osiris$/,
    keys: /^port_range$/,
    message: streamPortsAreFixed,
  },
  {
    applications: /^(mnesia|ra|osiris|rabbit)$/,
    keys: /^(dir|data_dir|plugins_dir|plugins_expand_dir|enabled_plugins_file|feature_flags_file)$/,
    message: "the program looks for it where RabbitMQ has it by default; remove it",
  },
  {
    applications: /^rabbit$/,
    keys: /^cluster_(nodes|formation)$/,
    message: "the program writes it itself; remove it, since it follows from brokers",
  },
  {
    applications: /^rabbit$/,
    keys: /^tcp_listeners$/,
    message: "the program writes it itself; remove it, and write rabbitmq.ports.amqp",
  },
  {
    applications: /^rabbitmq_management$/,
    keys: /^(listener|tcp_config)$/,
    message: "the program writes it itself; remove it, and write rabbitmq.ports.management",
  },
  {
    applications: /^rabbitmq_prometheus$/,
    keys: /^tcp_config$/,
    message: "the program writes it itself; remove it, and write rabbitmq.ports.prometheus",
  },
  {
    applications: /^rabbitmq_((web_)?(mqtt|stomp)|stream)$/,
    keys: /^(tcp_listeners|tcp_config|port|proxy_protocol)$/,
    message: "the program relies on it; remove it, and write the port under rabbitmq.ports",
  },
  {
    applications: /^rabbitmq_stream$/,
    keys: /^advertised_/,
    message: "all brokers would say the same; remove it, and let clients connect to the virtual address",
  },
  {
    applications: /^rabbit(mq_management)?$/,
    keys: /^(load_definitions|definitions)$/,
    message: "it would set users and policies too; remove it, and write definitions",
  },
  {
    applications: /^rabbit$/,
    keys: /^default_(user|pass|vhost)$/,
    message: "the program relies on it; remove it, and write rabbitmq.adminUser and adminPassword",
  },
  { applications: /^rabbit$/, keys: /^cluster_name$/, message: "remove it, and write clusterName" },
  {
    applications: /^rabbit$/,
    keys: /^(cluster_partition_handling|vm_memory_high_watermark|disk_free_limit|auth_backends|log|proxy_protocol|ssl_listeners)$/,
    message: `the program has to read it; remove it, and ${settings}`,
  },
  {
    applications: /^rabbitmq_auth_backend_cache$/,
    keys: /^cached_backend$/,
    message: `the program has to read it; remove it, and ${settings}`,
  },
  {
    applications: /^rabbitmq_management(_agent)?$/,
    keys: /^(ssl_config|path_prefix|disable_basic_auth|disable_management_stats|disable_metrics_collector)$/,
    message: `npm run verify relies on it; remove it, and ${settings}`,
  },
  {
    applications: /^(rabbit|lager)$/,
    keys: /^(log_root|handlers)$/,
    message: `up and --force-boot read the broker's log; remove it, and ${settings}`,
  },
];

const secretName = /(^|_)(pass|password|passphrase|secret|secret_key|token)$/;

/** The user and the password of a bind of LDAP, as a tuple. */
const bindName = /^(dn_lookup_bind|other_bind)$/;

/** @returns the name of the first secret among the tokens, and its line */
function secretIn(tokens: readonly Token[]): { readonly what: string; readonly line: number } | undefined {
  for (const [index, { kind, text, line }] of tokens.entries()) {
    if (kind === "string" && /:\/\/[^/\s"]*:[^/\s"]*@/.test(text))
      return { what: "a URL with a password", line };
    if (tokens[index - 1]?.text !== "{" || tokens[index + 1]?.kind !== "comma") continue;
    const name = text.replaceAll("'", "");
    const [next, second] = tokens.slice(index + 2);
    const isText = next?.kind === "string" || (next?.text === "<<" && second?.kind === "string");
    if ((secretName.test(name) && isText) || (bindName.test(name) && next?.text === "{"))
      return { what: `${name}, a secret`, line };
  }
  return undefined;
}

function secretRemedy(what: string): string {
  return what.startsWith("passphrase")
    ? "write {file, PATH}, with a file of your own on each broker's host"
    : "give its line of rabbitmq.conf as rabbitmq.secretSettings, or write it as RabbitMQ's {encrypted, …}";
}

function termFault({ application, key, value, tokens, line }: ErlangSetting): string | undefined {
  const refused = refusedTerms.find((term) => term.applications.test(application) && term.keys.test(key));
  if (refused !== undefined && value.map(({ text }) => text).join(" ") !== refused.harmless)
    return `line ${String(line)}: ${key} of ${application}: ${refused.message}`;
  const secret = secretIn(tokens);
  if (secret === undefined) return undefined;
  return `line ${String(secret.line)}: ${secret.what}, which the stack's file and advanced.config would show to everybody; remove it, and ${secretRemedy(secret.what)}`;
}

/** @throws TermsError with everything that is wrong */
function applicationsOf(text: string): readonly ErlangApplication[] {
  if (/[^\P{Cc}\n\r\t]/u.test(text)) throw new TermsError("has control characters; write it without");
  const { settings: terms, applications } = readTerms(text);
  const faults = terms.flatMap((term) => termFault(term) ?? []);
  if (faults.length > 0) throw new TermsError(faults.join("; "));
  return applications;
}

export const advanced = z
  .string({ error: "not a text; write the content of an advanced.config behind a |" })
  .transform((text, context) => {
    try {
      return text.trim() === "" ? [] : applicationsOf(text);
    } catch (error) {
      if (!(error instanceof TermsError)) throw error;
      context.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  });
