/** `npm run up -- --force-boot NAME`: starts a broker without those that ran longer and are gone for good. */
import { UserError } from "../user-error.ts";
import { runOn, SshError } from "../remote/ssh.ts";
import { shellWord } from "../templates/render.ts";
import { askBrokers, loginOf, programOn } from "../verify/hosts.ts";
import type { System } from "../verify/outputs.ts";
import { goneOf } from "../verify/standstill.ts";
import { farewellWords, refusal } from "./force-boot-messages.ts";

/** Seconds that the program on the host may take, to wait for another run of it included. */
const patience = 1100;

/**
 * @param gone those that it waits for in vain
 * @returns the arguments by which the program on a broker's host starts it without them
 */
export function forceBootWords(
  gone: readonly string[],
  { brokers, amqpUri }: Pick<System, "brokers" | "amqpUri">,
): readonly string[] {
  const names = brokers.map((broker) => broker.name);
  return ["--gone", gone.join(","), "--brokers", names.join(","), "--port", new URL(amqpUri).port];
}

/**
 * Starts one broker without those that it waits for, and sees to it that the others follow. What only the missing ones
 * had is lost.
 * @throws UserError, before anything is done, where a broker serves or one that stopped later may still start
 */
export async function forceBoot(system: System, name: string, stack: string): Promise<void> {
  const states = await askBrokers(system);
  const names = system.brokers.map((broker) => broker.name);
  const reason = refusal(name, names, states, stack);
  if (reason !== undefined) throw new UserError(`--force-boot ${name}: nothing was done: ${reason}`);
  process.stdout.write(`${farewellWords(name, states, stack)}\n`);
  await runProgram(system, name, forceBootWords(goneOf(name, states), system));
  process.stdout.write(`${name} serves\n`);
  const others = names.filter((other) => other !== name && states.has(other));
  await Promise.all(
    others.map(async (other) => {
      await runProgram(system, other, ["--follow"]);
      process.stdout.write(`${other} serves\n`);
    }),
  );
}

/** Has the program on a broker's host do it, never beside another start there. */
async function runProgram(system: System, name: string, words: readonly string[]): Promise<void> {
  const login = loginOf(system, name);
  const command = [programOn(login), "force-boot", ...words.map(shellWord)].join(" ");
  try {
    await runOn(login, { command, patience });
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    throw new UserError(`--force-boot: ${name}: ${error.message}`);
  }
}
