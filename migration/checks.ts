/** What has to be so in both clusters before messages are carried from one to the other. */
import { shortHostName } from "../hosts/node-name.ts";
import { compareSeries, seriesNameOf, seriesOf } from "../hosts/rabbitmq-series.ts";
import { upgradeFault } from "../hosts/upgrade-paths.ts";
import { blocks, cannot } from "./notes.ts";
import type { Finding } from "./plan.ts";
import type { ClusterState } from "./state.ts";

/** A cluster, as its stack and one of its brokers describe it. */
export interface Side {
  readonly stack: string;
  readonly state: ClusterState;
  /** When the broker was asked and when it had answered, by this computer's clock. */
  readonly askedMs: number;
  readonly answeredMs: number;
}

/** By how much the clocks may differ: a message's time to live and a certificate's validity are counted by them. */
const clockLimitMs = 5000;

export function blocking(
  what: string,
  why: string,
  remedy: string,
  subjects: readonly string[] = [],
): Finding {
  return { ...blocks(what, why, remedy), subjects };
}

/** @param endpointCount how many addresses each broker of NEW had to reach */
export function checkSides(old: Side, fresh: Side, endpointCount: number): Finding[] {
  return [
    ...checkPath(old.state.version, fresh.state.version),
    ...[old, fresh].flatMap(checkCluster),
    ...checkPlugins(old.state, fresh),
    ...checkClocks(old, fresh),
    ...checkMessageSize(old.state, fresh.state),
    ...checkReach(fresh, endpointCount),
  ];
}

/** Nobody can say how large the largest message in a queue is, and a shovel stops at one that is refused. */
function checkMessageSize(old: ClusterState, fresh: ClusterState): Finding[] {
  const [former, next] = [old.max_message_size, fresh.max_message_size];
  if (former !== null && next !== null && former <= next) return [];
  const size = (bytes: number | null): string =>
    bytes === null ? "an unknown size" : `${String(bytes)} bytes`;
  const note = cannot(
    `messages of more than ${size(next)} are refused by NEW, and OLD takes up to ${size(former)}`,
    "clients would wait without end for one that is still in a queue; RabbitMQ 4.0 has lowered the default",
    `if there may be any, add max_message_size: ${String(former ?? 134217728)} to rabbitmq.settings of NEW and run up before`,
  );
  return [{ ...note, subjects: [] }];
}

/** @returns what the way between the two versions is, such as why no rolling upgrade does it */
export function pathOf(old: ClusterState, fresh: ClusterState): string {
  const fault = upgradeFault(old.version, fresh.version);
  const hadMirrors =
    seriesOf(old.version)?.hasMirrors === true && seriesOf(fresh.version)?.hasMirrors === false;
  const mirrors = hadMirrors ? "; mirrored queues end with 3.13" : "";
  return fault === undefined
    ? `a rolling upgrade would do it too, queue types apart${mirrors}`
    : `no rolling upgrade: ${fault}${mirrors}`;
}

function checkPath(former: string, next: string): Finding[] {
  const [from, to] = [former, next].map((version) => seriesNameOf(version) ?? "0");
  if (compareSeries(to ?? "0", from ?? "0") >= 0) return [];
  return [
    blocking(
      `NEW has RabbitMQ ${next}, an earlier series than OLD's ${former}`,
      "an earlier series does not know all that a later one has",
      "give --from and --to the other way round, or make NEW with a later RabbitMQ",
    ),
  ];
}

function checkCluster({ stack, state }: Side): Finding[] {
  const found: Finding[] = [];
  const away = state.members.filter((member) => !state.running.includes(member)).map(shortHostName);
  if (away.length > 0)
    found.push(
      blocking(
        `stack ${stack}: ${away.join(", ")} ${away.length === 1 ? "does" : "do"} not run`,
        "a queue whose copies are there may be missing in what was asked",
        `start it: npm run up -- --repair --stack ${stack}`,
      ),
    );
  const said = state.nodes.filter(({ version, time_ms: time }) => version !== null && time !== null);
  const silent = state.running.filter((node) => !said.some(({ name }) => name === node)).map(shortHostName);
  const versions = new Set(state.nodes.flatMap(({ version }) => version ?? []));
  if (versions.size > 1)
    found.push(
      blocking(
        `stack ${stack}: its brokers have different versions: ${[...versions].sort().join(", ")}`,
        "an upgrade has not ended",
        `end it: npm run up -- --stack ${stack}`,
      ),
    );
  if (silent.length > 0)
    found.push(
      blocking(
        `stack ${stack}: ${silent.join(", ")} did not answer in time`,
        "no answer is not a good one",
        "run this again; if it stays so, see that broker's log",
      ),
    );
  if (state.alarms.length > 0)
    found.push(
      blocking(
        `stack ${stack} has an alarm: ${state.alarms.join(", ")}`,
        "a broker with an alarm takes no messages",
        "free memory or disk there, or let consumers empty queues",
      ),
    );
  if (state.partitions.length > 0)
    found.push(
      blocking(
        `stack ${stack} is parted from ${state.partitions.map(shortHostName).join(", ")}`,
        "each part of a parted cluster has queues of its own",
        `mend it: npm run verify -- --stack ${stack}`,
      ),
    );
  return found;
}

/** Plug-ins that others bring along, or that later series have built in. */
const broughtAlong = [
  ...["rabbitmq_web_dispatch", "rabbitmq_management_agent", "rabbitmq_amqp1_0", "rabbitmq_amqp_client"],
  ...["rabbitmq_stream_common", "rabbitmq_aws", "rabbitmq_codegen", "rabbitmq_prelaunch"],
];

/** Source: rabbitmq-server#8096. */
const retained: Finding = {
  ...cannot(
    "MQTT's retained messages stay in OLD",
    "each broker keeps those that its own clients have sent, outside of queues",
    "let the clients send them again once they use NEW",
  ),
  subjects: [],
};

function checkPlugins(old: ClusterState, fresh: Side): Finding[] {
  const active = fresh.state.plugins;
  const advice = "add it to rabbitmq.plugins of NEW and run up";
  const found: Finding[] = [];
  if (!active.includes("rabbitmq_shovel"))
    found.push(
      blocking("NEW has no plug-in rabbitmq_shovel", "shovels on NEW's brokers carry the messages", advice),
    );
  const lost = old.plugins.filter(
    (plugin) => plugin.startsWith("rabbitmq_") && !active.includes(plugin) && !broughtAlong.includes(plugin),
  );
  for (const plugin of lost.filter((each) => each !== "rabbitmq_shovel"))
    found.push(blocking(`NEW has no plug-in ${plugin}`, "OLD has it, so clients may need it", advice));
  if (old.plugins.includes("rabbitmq_mqtt")) found.push(retained);
  return found;
}

/** A broker's clock is ahead of this computer's by something between two bounds: it answered within the question. */
function checkClocks(old: Side, fresh: Side): Finding[] {
  const bounds = ({ state, askedMs, answeredMs }: Side): (readonly [string, number, number])[] =>
    state.nodes.flatMap(({ name, time_ms: time }) =>
      time === null ? [] : [[shortHostName(name), time - answeredMs, time - askedMs] as const],
    );
  return bounds(fresh).flatMap(([node, low, high]) =>
    bounds(old).flatMap(([other, otherLow, otherHigh]) => {
      const apart = Math.max(low - otherHigh, otherLow - high);
      if (apart <= clockLimitMs) return [];
      return [
        blocking(
          `the clocks of ${node} and ${other} differ by ${(apart / 1000).toFixed(0)} s or more`,
          "a message's time to live and a certificate's validity are counted by them",
          "have both hosts set by the same time servers, such as by chrony",
        ),
      ];
    }),
  );
}

function checkReach({ state }: Side, endpointCount: number): Finding[] {
  const found = state.reached
    .filter(({ failure }) => failure !== null)
    .map(({ node, host, port, failure }) =>
      blocking(
        `${shortHostName(node)} of NEW does not reach ${host}:${port}: ${String(failure)}`,
        "shovels on NEW's brokers fetch messages straight from OLD's",
        `let NEW's brokers connect to port ${port} of OLD's: route, firewall, security group`,
      ),
    );
  const asked = state.running.length * endpointCount;
  if (state.reached.length < asked)
    found.push(
      blocking(
        `NEW did not say of ${asked - state.reached.length} of ${asked} ways whether it reaches OLD's brokers`,
        "no answer is not a good one",
        "run this again; if it stays so, see the routes between the two",
      ),
    );
  return found;
}
