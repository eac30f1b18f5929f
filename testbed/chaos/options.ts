/** The arguments of `npm run chaos`. */
import { parseArgs } from "node:util";
import { UserError } from "../../user-error.ts";
import { seriesOf } from "../../hosts/rabbitmq-series.ts";
import { brokerReleases, findBrokerRelease, type BrokerRelease } from "../stacks/broker-releases.ts";
import { faults } from "./faults/index.ts";
import type { Fault } from "./faults/fault.ts";

export interface ChaosOptions {
  /** The RabbitMQ of the lab. */
  readonly release: BrokerRelease;
  /** The kind of queues. @default the one that the program chooses for the version */
  readonly queues: "mirrored" | "quorum" | undefined;
  /** Close the plain ports, have the brokers speak TLS with each other, and all clients connect by TLS. */
  readonly tls: boolean;
  readonly faults: readonly Fault[];
  /** Trials of each fault, one after the other. */
  readonly times: number;
  /** Only list the faults. */
  readonly list: boolean;
  /** Only write the documents from the results that are recorded. */
  readonly report: boolean;
  /** Keep the lab at the end. */
  readonly keep: boolean;
  /** Files to write the results to. */
  readonly json: string | undefined;
  readonly markdown: string | undefined;
}

/** @throws UserError when an argument is not valid */
export function readOptions(args: readonly string[]): ChaosOptions {
  const { only, tls, list, report, keep, json, markdown, ...given } = parseArguments(args);
  const times = Number(given.times);
  if (!Number.isInteger(times) || times < 1)
    throw new UserError(`chaos: --times is ${given.times}; give a whole number from 1 on`);
  const names = only?.split(",").map((name) => name.trim()) ?? faults.map(({ name }) => name);
  const unknown = names.filter((name) => !faults.some((fault) => fault.name === name));
  if (unknown.length > 0) {
    const known = faults.map(({ name }) => name).join(", ");
    throw new UserError(`chaos: unknown fault ${unknown.join(", ")}; choose from ${known}`);
  }
  const release = findBrokerRelease(given.rabbitmq);
  return {
    release,
    queues: readQueues(given.queues, release),
    faults: faults.filter(({ name }) => names.includes(name)),
    ...{ tls, times, list, report, keep, json, markdown },
  };
}

/** @returns the `rabbitmq-ha:*` lines of the lab's file that the options ask for, beside those of its release */
export function settingsOf({ queues, tls }: Pick<ChaosOptions, "queues" | "tls">): string {
  return [
    ...(queues === undefined ? [] : [`  rabbitmq-ha:rabbitmq: { queues: ${queues} }`]),
    ...(tls ? ["  rabbitmq-ha:tls: { only: true, interNode: true }"] : []),
  ].join("\n");
}

function readQueues(name: string | undefined, { version }: BrokerRelease): ChaosOptions["queues"] {
  if (name === undefined || name === "quorum") return name;
  if (name !== "mirrored") throw new UserError(`chaos: --queues is ${name}; write mirrored or quorum`);
  if (seriesOf(version)?.hasMirrors === true) return name;
  throw new UserError(`chaos: RabbitMQ ${version} has no mirrored queues; leave --queues out`);
}

function parseArguments(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        rabbitmq: { type: "string", default: brokerReleases[0].version },
        queues: { type: "string" },
        tls: { type: "boolean", default: false },
        only: { type: "string" },
        times: { type: "string", default: "1" },
        list: { type: "boolean", default: false },
        report: { type: "boolean", default: false },
        keep: { type: "boolean", default: false },
        json: { type: "string" },
        markdown: { type: "string" },
      },
    });
    return values;
  } catch (error) {
    throw new UserError(`chaos: ${error instanceof Error ? error.message : String(error)}`);
  }
}
