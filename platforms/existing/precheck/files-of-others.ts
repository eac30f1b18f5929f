/** Files on an existing machine that others wrote: where the program writes its own, and what its brokers read beside it. */
import {
  advancedConfigFile,
  brokerDataFolder,
  configFile,
  configFolder,
  enabledPluginsFile,
  furtherConfigFolder,
} from "../../../hosts/broker-paths.ts";
import { joinNames } from "../../../config/faults.ts";
import { haproxyConfigFile } from "../../../hosts/haproxy-paths.ts";
import { distributionPort, epmdPort } from "../../../hosts/other-ports.ts";
import { splitAtSpace } from "./probe-line.ts";
import type { IntendedSetup, ProbeTarget } from "./probe-target.ts";

export interface FilesOfOthers {
  /** Those that the program would replace, and what is in them by name; "unreadable" if they cannot be read. */
  readonly replaced: readonly { readonly path: string; readonly content: string }[];
  /** Those that stay, and that a service of the program's also reads; what is in them as above. */
  readonly beside: readonly { readonly path: string; readonly content: string }[];
  /** Those that RabbitMQ reads in place of the program's own. */
  readonly instead: readonly { readonly path: string; readonly content: string }[];
  /** What is set in the environment of the services; without a name if the file cannot be read. */
  readonly environment: readonly { readonly path: string; readonly name?: string; readonly value: string }[];
  /** Whether the probe has looked at all of them. */
  readonly isComplete: boolean;
}

/** A broker, or a balancer, whose files are judged. */
type JudgedMachine = Pick<ProbeTarget, "name" | "role">;

type JudgedSetup = Pick<IntendedSetup, "ports" | "replaceFiles" | "buildsHaproxy">;

const anyAddress = ["", "auto", "0.0.0.0", "::"];

type HarmlessValues = (machine: JudgedMachine, setup: JudgedSetup) => readonly (string | number)[];

/**
 * What the program relies on in a broker's environment, without the prefix RABBITMQ_: the values that change nothing.
 * Everything else would put data, files, logs or listeners where neither the program nor the other brokers look for
 * them, or replace what the program sets (rabbitmq-server, rabbit_env.erl).
 */
const ofBrokers: Readonly<Record<string, HarmlessValues>> = {
  MNESIA_BASE: () => ["", brokerDataFolder],
  MNESIA_DIR: ({ name }) => ["", `${brokerDataFolder}/rabbit@${name}`],
  QUORUM_DIR: ({ name }) => ["", `${brokerDataFolder}/rabbit@${name}/quorum`],
  STREAM_DIR: ({ name }) => ["", `${brokerDataFolder}/rabbit@${name}/stream`],
  FEATURE_FLAGS_FILE: ({ name }) => ["", `${brokerDataFolder}/rabbit@${name}-feature_flags`],
  NODENAME: ({ name }) => ["", "rabbit", `rabbit@${name}`],
  USE_LONGNAME: () => ["", "false"],
  NODE_IP_ADDRESS: () => anyAddress,
  ERL_EPMD_ADDRESS: () => anyAddress,
  ERL_EPMD_PORT: () => ["", epmdPort],
  NODE_PORT: (_, { ports }) => ["", ports.amqp],
  DIST_PORT: () => ["", distributionPort],
  CONF_ENV_FILE: () => ["", `${configFolder}/rabbitmq-env.conf`],
  CONFIG_FILE: () => ["", `${configFolder}/rabbitmq`, configFile],
  CONFIG_FILES: () => ["", furtherConfigFolder],
  ADVANCED_CONFIG_FILE: () => ["", `${configFolder}/advanced`, advancedConfigFile],
  ENABLED_PLUGINS_FILE: () => ["", enabledPluginsFile],
  ENABLED_PLUGINS: () => [""],
  PLUGINS_DIR: () => [""],
  FEATURE_FLAGS: () => [""],
  LOG_BASE: () => ["", "/var/log/rabbitmq"],
  LOGS: ({ name }) => ["", `/var/log/rabbitmq/rabbit@${name}.log`],
  LOG: () => ["", "debug", "info"],
  ERLANG_COOKIE: () => [""],
  DEFAULT_USER: () => [""],
  DEFAULT_PASS: () => [""],
  DEFAULT_VHOST: () => ["", "/"],
  ExecStart: () => [""],
};

/**
 * Variables with arguments of the Erlang VM, which may be of any kind but these: another name, another cookie, or another
 * way to speak with other nodes than what the program and the other brokers have.
 */
const argumentVariables = [
  "SERVER_ADDITIONAL_ERL_ARGS",
  "SERVER_ERL_ARGS",
  "SERVER_START_ARGS",
  "CTL_ERL_ARGS",
];
const refusedArguments = /-(setcookie|s?name|proto_dist|ssl_dist_\w+|kernel\s+inet_dist\w+)\b/;

/** The same of HAProxy's and Keepalived's units, whose options the program sets or relies on. */
const ofBalancers: Readonly<Record<string, HarmlessValues>> = {
  CONFIG: () => ["", haproxyConfigFile],
  CFGDIR: () => ["", "/etc/haproxy/conf.d"],
  EXTRAOPTS: () => ["", "-S /run/haproxy-master.sock"],
  OPTIONS: () => [""],
  DAEMON_ARGS: () => ["", "-D"],
  KEEPALIVED_OPTIONS: () => ["", "-D"],
  ExecStart: () => [""],
};

const harmlessValues = { broker: ofBrokers, balancer: ofBalancers } as const;

/** The values that no message shows. */
const secretVariables = ["ERLANG_COOKIE", "DEFAULT_PASS"];

/** Where a compiled HAProxy has its unit. */
const haproxyUnit = "/etc/systemd/system/haproxy.service";

/** @returns the names that the probe looks for */
export function environmentVariables(role: JudgedMachine["role"]): readonly string[] {
  return [...Object.keys(harmlessValues[role]), ...(role === "broker" ? argumentVariables : [])];
}

/** @param all the probe's values of a key */
export function parseFilesOfOthers(all: (key: string) => readonly string[]): FilesOfOthers {
  const named = (line: string): { readonly path: string; readonly content: string } => {
    const [path, content] = splitAtSpace(line);
    return { path, content };
  };
  return {
    replaced: all("foreign").map(named),
    beside: all("beside").map(named),
    instead: all("instead").map(named),
    environment: all("environment").map((line) => {
      const [path, setting] = splitAtSpace(line);
      const [, name, value = ""] = /([A-Za-z_]+)=(.*)$/.exec(setting) ?? [];
      return { path, ...(name === undefined ? {} : { name }), value: value.replaceAll(/^["']|["']$/g, "") };
    }),
    isComplete: all("files").includes("done"),
  };
}

/** @returns a line for each file, and for each setting, that the program cannot live with */
export function filesOfOthersFaults(
  { replaced, beside, instead, environment, isComplete }: FilesOfOthers,
  machine: JudgedMachine,
  setup: JudgedSetup,
): string[] {
  if (!isComplete) {
    return [
      "did not say which files of others it has, which might be replaced; log in and see what fails there",
    ];
  }
  const allow = "use another machine, or set existing.replaceFiles: true, so that it";
  const judge = (
    { path, content }: FilesOfOthers["replaced"][number],
    [end, remedy]: readonly [string, string],
  ): string[] => {
    if (content === "unreadable") return [`${path} cannot be read; mend or remove it`];
    if (setup.replaceFiles) return [];
    return [`${path} was written by others${content === "" ? "" : ` (${content})`} and ${end}; ${remedy}`];
  };
  const isReplaced = ["would be replaced", `${allow} is kept and destroy gives it back`] as const;
  const isRead = [
    "is read beside the program's own files",
    `take what it sets into the stack's configuration and remove it, ${allow} stays`,
  ] as const;
  return [
    ...replaced.flatMap((each) => judge(each, isReplaced)),
    ...beside.flatMap((each) => judge(each, isRead)),
    // Of two files RabbitMQ reads the one in the old format (rabbit_prelaunch_conf.erl).
    ...instead.map(
      ({ path }) =>
        `${path} is read in place of rabbitmq.conf and advanced.config; take what it sets into rabbitmq.settings or rabbitmq.advanced, and move it away`,
    ),
    ...environment.flatMap(({ path, name, value }) => {
      if (name === undefined) return [`${path} cannot be read; mend or remove it`];
      if (path === haproxyUnit && setup.buildsHaproxy === true)
        return name === "ExecStart" ? judge({ path, content: "" }, isReplaced) : [];
      return environmentFaults({ path, name, value }, machine, setup);
    }),
  ];
}

function environmentFaults(
  { path, name, value }: { readonly path: string; readonly name: string; readonly value: string },
  machine: JudgedMachine,
  setup: JudgedSetup,
): string[] {
  const known = name.replace(/^RABBITMQ_/, "");
  if (argumentVariables.includes(known)) {
    const refused = refusedArguments.exec(value)?.[0];
    return refused === undefined
      ? []
      : [`${path} sets ${name} with ${refused}, which the program does not follow; remove that setting`];
  }
  const harmless = harmlessValues[machine.role][known]?.(machine, setup) ?? [];
  if (harmless.map(String).includes(value)) return [];
  const shown = secretVariables.includes(known) ? name : `${name} to ${value}`;
  return [`${path} sets ${shown}, which the program does not follow; remove that setting`];
}

/** @returns which files are replaced and kept, and which stay and are read too; undefined if there are none */
export function filesOfOthersNotice(
  machines: readonly { readonly label: string; readonly files: FilesOfOthers }[],
): string | undefined {
  const lines = machines.flatMap(({ label, files: { replaced, beside } }) => [
    ...(replaced.length === 0
      ? []
      : [`${label}: kept until destroy gives back: ${joinNames(replaced.map(named))}.`]),
    ...(beside.length === 0 ? [] : [`${label}: stays, and is read too: ${joinNames(beside.map(named))}.`]),
  ]);
  return lines.length === 0 ? undefined : `Files of others:\n${lines.join("\n")}`;
}

function named({ path, content }: { readonly path: string; readonly content: string }): string {
  return content === "" ? path : `${path} (${content})`;
}
