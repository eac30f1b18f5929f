/** `npm run up -- --force-boot NAME`: starts a broker without those that ran longer and are gone for good. */
import { UserError } from "../user-error.ts";
import { runOn, SshError } from "../remote/ssh.ts";
import { shellWord } from "../templates/render.ts";
import { pollUntil } from "../verify/polling.ts";
import { queryBrokerStates, findLogin, buildProgramCommand } from "../verify/checks/hosts.ts";
import type { Login, System } from "../verify/outputs.ts";
import { isAnyBetweenStarts, missingPeersOf } from "../verify/start-deadlock.ts";
import { dataLossMessage, refusalReason } from "./force-boot-messages.ts";

/** Timeout of the program on the host. It includes the wait for another run of the program there. */
const timeoutSeconds = 2100;
/** For brokers that are between two starts. */
const settleSeconds = 60;
const askAgainMs = 2000;

/**
 * @param gone the brokers that it waits for and that are gone
 * @returns the arguments with which the program on the broker's host starts it without them
 */
export function forceBootArguments(
  gone: readonly string[],
  { brokers, amqpUri }: Pick<System, "brokers" | "amqpUri">,
): readonly string[] {
  const names = brokers.map((broker) => broker.name);
  return ["--gone", gone.join(","), "--brokers", names.join(","), "--port", new URL(amqpUri).port];
}

/** @returns the command that runs force-boot on a host; the program there refuses where the machine is another stack's */
export function forceBootCommand(
  { name, user, stackId }: Pick<Login, "name" | "user" | "stackId">,
  args: readonly string[],
): string {
  const owner = stackId === undefined ? [] : ["--stack-id", stackId, "--host", name];
  return [buildProgramCommand({ user }), "force-boot", ...[...args, ...owner].map(shellWord)].join(" ");
}

/**
 * Starts one broker without those that it waits for, and then the others. What only the missing brokers had is lost.
 * @throws UserError, before anything is done, if a broker serves or one that stopped later may still start
 */
export async function forceBoot(system: System, name: string, stack: string): Promise<void> {
  const states = await pollUntil(
    { timeoutSeconds: settleSeconds, intervalMs: askAgainMs },
    () => queryBrokerStates(system),
    (seen) => !isAnyBetweenStarts(seen),
  );
  const names = system.brokers.map((broker) => broker.name);
  const reason = refusalReason(name, names, states, stack);
  if (reason !== undefined) throw new UserError(`--force-boot ${name}: nothing was done: ${reason}`);
  process.stdout.write(`${dataLossMessage(name, states, stack)}\n`);
  await runProgram(system, name, forceBootArguments(missingPeersOf(name, states), system));
  process.stdout.write(`${name} serves\n`);
  const others = names.filter((other) => other !== name && states.has(other));
  await Promise.all(
    others.map(async (other) => {
      await runProgram(system, other, ["--follow", "--after", name]);
      process.stdout.write(`${other} serves\n`);
    }),
  );
}

/** Runs force-boot on a broker's host; the program there allows one start at a time. */
async function runProgram(system: System, name: string, args: readonly string[]): Promise<void> {
  const login = findLogin(system, name);
  try {
    await runOn(login, { command: forceBootCommand(login, args), timeoutSeconds });
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    throw new UserError(`--force-boot: ${name}: ${error.message}`);
  }
}
