/** The ends of the hosts' logs, for a fault that missed a goal. */
import type { System } from "../verify/outputs.ts";
import { on } from "./machines.ts";

/** Lines of each log. */
const lines = 30;
/** Seconds that a host may take to show them. */
const patience = 15;

/** @param since when the trial began @returns what the hosts wrote since then, the last lines of each */
export async function logTails({ brokers, balancers }: System, since: Date): Promise<string> {
  const from = `@${Math.floor(since.getTime() / 1000)}`;
  const journal = (units: readonly string[]): string =>
    `journalctl ${units.map((unit) => `-u ${unit}`).join(" ")} --since ${from} -n ${lines} --no-pager -o short-precise`;
  const broker = `${journal(["rabbitmq-server", "rabbitmq-ha*"])}\ntail -n ${lines} /var/log/rabbitmq/rabbit@$(hostname).log`;
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
