/** The last lines of the hosts' logs, for a fault that missed a goal and an `up` that failed. */
import { runOn } from "./hosts.ts";

/** Lines of each log. */
const maxLines = 60;
/** Omitted lines: clients that connect or disconnect, verify's own queues, queues deleted at the load's end. */
const omittedLines = [
  "accepting AMQP connection",
  "closing AMQP connection",
  "client unexpectedly closed TCP connection",
  "authenticated and granted access",
  "authenticated successfully",
  "missed heartbeats from client",
  "terminating with reason 'delete'",
  "Deleting server .* and its data directory",
  "terminating_leader",
  "queue '(%2F_)?rabbitmq-ha-verify",
  "cluster '%2F_rabbitmq-ha-verify",
  "Management delegate query",
  // HAProxy's line for each connection: client, time of day in brackets.
  "haproxy\\[[0-9]+\\]: [0-9.]+:[0-9]+ \\[",
].join("|");
/** Seconds in which a host has to print them. */
const logTimeoutSeconds = 15;

/** The names of a stack's hosts. */
interface HostNames {
  readonly brokers: readonly string[];
  readonly balancers: readonly string[];
}

/** @param since start of what failed @returns the last lines that each host has logged since then */
export async function readLogTails({ brokers, balancers }: HostNames, since: Date): Promise<string> {
  const from = `@${Math.floor(since.getTime() / 1000)}`;
  const end = `grep -vE "${omittedLines}" | cut -c1-240 | tail -n ${maxLines}`;
  const journal = (units: readonly string[]): string =>
    `journalctl ${units.map((unit) => `-u '${unit}'`).join(" ")} --since ${from} --no-pager -o short-precise | ${end}`;
  // RabbitMQ's log has UTC times, which sort as text.
  const utc = since.toISOString().replace("T", " ");
  const broker = `${journal(["rabbitmq-server", "rabbitmq-ha*"])}
    awk -v since='${utc}' '$0 > since || !/^2/' /var/log/rabbitmq/rabbit@$(hostname).log | ${end}`;
  const asked = [
    ...brokers.map((name) => ({ name, script: broker })),
    ...balancers.map((name) => ({ name, script: journal(["keepalived", "haproxy"]) })),
  ];
  const answers = await Promise.all(
    asked.map(async ({ name, script }) => {
      const text = await runOn(name, script, logTimeoutSeconds).catch((error: unknown) => String(error));
      return `--- ${name}\n${text.trim()}`;
    }),
  );
  return answers.join("\n");
}
