/** The ends of the hosts' logs, for a fault that missed a goal. */
import type { System } from "../../verify/outputs.ts";
import { on } from "./machines.ts";

/** Lines of each log. */
const lines = 60;
/** What only tells of a client that comes or goes, of verify's own queues, or of a queue deleted at the load's end. */
const clients = [
  "accepting AMQP connection",
  "closing AMQP connection",
  "client unexpectedly closed TCP connection",
  "authenticated and granted access",
  "missed heartbeats from client",
  "terminating with reason 'delete'",
  "terminating_leader",
  "Mirrored queue 'rabbitmq-ha-verify",
  "Management delegate query",
  // HAProxy's line for each connection: client, time of day in brackets.
  "haproxy\\[[0-9]+\\]: [0-9.]+:[0-9]+ \\[",
].join("|");
/** Seconds that a host may take to show them. */
const patience = 15;

/** @param since when the trial began @returns what the hosts wrote since then, the last lines of each */
export async function logTails({ brokers, balancers }: System, since: Date): Promise<string> {
  const from = `@${Math.floor(since.getTime() / 1000)}`;
  const end = `grep -vE "${clients}" | cut -c1-240 | tail -n ${lines}`;
  const journal = (units: readonly string[]): string =>
    `journalctl ${units.map((unit) => `-u '${unit}'`).join(" ")} --since ${from} --no-pager -o short-precise | ${end}`;
  // RabbitMQ's own time is UTC, and sorts as text.
  const utc = since.toISOString().replace("T", " ");
  const broker = `${journal(["rabbitmq-server", "rabbitmq-ha*"])}
    awk -v since='${utc}' '$0 > since || !/^2/' /var/log/rabbitmq/rabbit@$(hostname).log | ${end}`;
  const asked = [
    ...brokers.map(({ name }) => ({ name, script: broker })),
    ...balancers.map(({ name }) => ({ name, script: journal(["keepalived", "haproxy"]) })),
  ];
  const answers = await Promise.all(
    asked.map(async ({ name, script }) => {
      const text = await on(name, script, patience).catch((error: unknown) => String(error));
      return `--- ${name}\n${text.trim()}`;
    }),
  );
  return answers.join("\n");
}
