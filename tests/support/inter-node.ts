/** How the brokers of a lab speak with each other, as `verify` says it and as RabbitMQ's tool finds it. */
import type { LabStack } from "../../testbed/stacks/lab-stack.ts";

/** Words of the environment with which RabbitMQ's tool speaks without TLS, whatever the host's files say. */
export const withoutTls = "RABBITMQ_CONF_ENV_FILE=/dev/null";

/** @param output of `verify` or `up` @returns how many brokers speak by TLS with the others */
export function spokenByTls(output: string): number {
  return (output.match(/^inter-node +\S+ +ok .*speaks by TLS/gm) ?? []).length;
}

/** Runs RabbitMQ's tool with these words of the environment. @returns whether it reached the broker */
export async function reachesBroker(lab: LabStack, host: string, environment: string): Promise<boolean> {
  const tool = "/usr/lib/rabbitmq/bin/rabbitmqctl -q -t 30 status";
  const words = `runuser -u rabbitmq -- env HOME=/var/lib/rabbitmq LC_ALL=C.UTF-8 ${environment} ${tool}`;
  return (
    (await lab.runOn(host, `${words} </dev/null >/dev/null 2>&1 && echo yes || echo no`)).trim() === "yes"
  );
}
