/** `npm run up -- --force-boot NAME`: starts a broker without those that ran longer and are gone for good. */
import { SetupError } from "../lab/setup/step.ts";
import { runOn, SshError } from "../ssh/run.ts";
import { render } from "../templates/render.ts";
import { askBrokers, loginOf } from "../verify/hosts.ts";
import type { System } from "../verify/outputs.ts";
import { goneOf } from "../verify/standstill.ts";
import { farewellWords, refusal } from "./force-boot-words.ts";

/** Seconds that a broker may take to boot. */
const boot = 300;
/** Seconds for a script around it: to reach the broker, and to wait for another run of it. */
const around = 180;

/**
 * @param gone those that it waits for in vain
 * @returns the script that starts a broker without them, for bash as root
 */
export function forceBootScript(
  name: string,
  gone: readonly string[],
  { brokers, amqpUri }: Pick<System, "brokers" | "amqpUri">,
): string {
  const port = Number(new URL(amqpUri).port);
  return render("rabbitmq/force-boot.sh", {
    ...{ name, gone, brokers: brokers.map((broker) => broker.name), port, patience: boot },
  });
}

/** @returns the script that makes sure that a broker follows the one that was started */
export function followScript(): string {
  return render("rabbitmq/follow.sh", {});
}

/**
 * Starts one broker without those that it waits for, and sees to it that the others follow. What only the missing ones
 * had is lost.
 * @throws SetupError, before anything is done, where a broker serves or one that stopped later may still start
 */
export async function forceBoot(system: System, name: string, stack: string): Promise<void> {
  const states = await askBrokers(system);
  const names = system.brokers.map((broker) => broker.name);
  const reason = refusal(name, names, states, stack);
  if (reason !== undefined) throw new SetupError(`--force-boot ${name}: nothing was done: ${reason}`);
  process.stdout.write(`${farewellWords(name, states, stack)}\n`);
  await runScript(system, name, forceBootScript(name, goneOf(name, states), system));
  process.stdout.write(`${name} serves\n`);
  const others = names.filter((other) => other !== name && states.has(other));
  await Promise.all(
    others.map(async (other) => {
      await runScript(system, other, followScript());
      process.stdout.write(`${other} serves\n`);
    }),
  );
}

/** Runs a script on a broker's host, never beside another one of the program that starts it. */
async function runScript(system: System, name: string, body: string): Promise<void> {
  const login = loginOf(system, name);
  const deadline = boot + around;
  const command = render("remote/run.sh", {
    ...{ noun: `${name}-service`, body: body.trimEnd(), deadline, patience: around },
    sudo: login.user !== "root",
  });
  try {
    await runOn(login, { command, patience: deadline + around });
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    throw new SetupError(`--force-boot: ${name}: ${error.message}`);
  }
}
