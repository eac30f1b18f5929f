/** Files on an existing machine that others wrote: where the program writes its own, and what its brokers read beside it. */
import { joinNames } from "../../config/faults.ts";
import { distributionPort, epmdPort } from "../../hosts/ports.ts";
import { splitAtSpace } from "./probe-line.ts";
import type { IntendedSetup, ProbeTarget } from "./probe-target.ts";

export interface FilesOfOthers {
  /** Those that the program would replace, and what is in them by name; "unreadable" if they cannot be read. */
  readonly replaced: readonly { readonly path: string; readonly content: string }[];
  /** Those that stay, and that a service of the program's also reads. */
  readonly beside: readonly string[];
  /** What is set in the environment of the broker; without a name if the file cannot be read. */
  readonly environment: readonly { readonly path: string; readonly name?: string; readonly value: string }[];
  /** Whether the probe has looked at all of them. */
  readonly isComplete: boolean;
}

/** A broker, or a balancer, whose files are judged. */
type JudgedMachine = Pick<ProbeTarget, "name" | "role">;

type JudgedSetup = Pick<IntendedSetup, "ports" | "replaceFiles">;

const anyAddress = ["", "auto", "0.0.0.0", "::"];

/**
 * What the program relies on in a broker's environment, without the prefix RABBITMQ_: the values that change nothing.
 * Everything else would put data, files or listeners where neither the program nor the other brokers look for them.
 */
const harmlessValues: Readonly<
  Record<string, (machine: JudgedMachine, setup: JudgedSetup) => readonly (string | number)[]>
> = {
  MNESIA_BASE: () => ["", "/var/lib/rabbitmq/mnesia"],
  MNESIA_DIR: ({ name }) => ["", `/var/lib/rabbitmq/mnesia/rabbit@${name}`],
  NODENAME: ({ name }) => ["", "rabbit", `rabbit@${name}`],
  USE_LONGNAME: () => ["", "false"],
  NODE_IP_ADDRESS: () => anyAddress,
  ERL_EPMD_ADDRESS: () => anyAddress,
  ERL_EPMD_PORT: () => ["", epmdPort],
  NODE_PORT: (_, { ports }) => ["", ports.amqp],
  DIST_PORT: () => ["", distributionPort],
  CONFIG_FILE: () => ["", "/etc/rabbitmq/rabbitmq", "/etc/rabbitmq/rabbitmq.conf"],
  CONFIG_FILES: () => ["", "/etc/rabbitmq/conf.d"],
  ADVANCED_CONFIG_FILE: () => ["", "/etc/rabbitmq/advanced", "/etc/rabbitmq/advanced.config"],
  ENABLED_PLUGINS_FILE: () => ["", "/etc/rabbitmq/enabled_plugins"],
};

/** The names that the probe looks for. */
export const environmentVariables: readonly string[] = Object.keys(harmlessValues);

/** @param all the probe's values of a key */
export function parseFilesOfOthers(all: (key: string) => readonly string[]): FilesOfOthers {
  return {
    replaced: all("foreign").map((line) => {
      const [path, content] = splitAtSpace(line);
      return { path, content };
    }),
    beside: all("beside"),
    environment: all("environment").map((line) => {
      const [path, setting] = splitAtSpace(line);
      const [, name, value = ""] = /([A-Z_]+)=(.*)$/.exec(setting) ?? [];
      return { path, ...(name === undefined ? {} : { name }), value: value.replaceAll(/^["']|["']$/g, "") };
    }),
    isComplete: all("files").includes("done"),
  };
}

/** @returns a line for each file, and for each setting, that the program cannot live with */
export function filesOfOthersFaults(
  { replaced, environment, isComplete }: FilesOfOthers,
  machine: JudgedMachine,
  setup: JudgedSetup,
): string[] {
  if (!isComplete) {
    return [
      "did not say which files of others it has, which might be replaced; log in and see what fails there",
    ];
  }
  return [
    ...replaced.flatMap(({ path, content }) => {
      if (content === "unreadable") return [`${path} cannot be read; mend or remove it`];
      if (setup.replaceFiles) return [];
      return [
        `${path} was written by others${content === "" ? "" : ` (${content})`} and would be replaced; ` +
          "use another machine, or set existing.replaceFiles: true, so that it is kept and destroy gives it back",
      ];
    }),
    ...environment.flatMap(({ path, name, value }) => {
      if (name === undefined) return [`${path} cannot be read; mend or remove it`];
      const harmless = harmlessValues[name.replace(/^RABBITMQ_/, "")]?.(machine, setup) ?? [];
      if (harmless.map(String).includes(value)) return [];
      return [`${path} sets ${name} to ${value}, which the program does not follow; remove that setting`];
    }),
  ];
}

/** @returns which files are replaced and kept, and which stay and are read too; undefined if there are none */
export function filesOfOthersNotice(
  machines: readonly { readonly label: string; readonly files: FilesOfOthers }[],
): string | undefined {
  const lines = machines.flatMap(({ label, files: { replaced, beside } }) => [
    ...(replaced.length === 0
      ? []
      : [`${label}: kept until destroy gives back: ${joinNames(replaced.map(named))}.`]),
    ...(beside.length === 0 ? [] : [`${label}: stays, and is read too: ${joinNames(beside)}.`]),
  ]);
  return lines.length === 0 ? undefined : `Files of others:\n${lines.join("\n")}`;
}

function named({ path, content }: { readonly path: string; readonly content: string }): string {
  return content === "" ? path : `${path} (${content})`;
}
