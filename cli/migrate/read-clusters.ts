/** Asks a broker of each of two stacks what a migration has to know, and lets the room migration/ judge it. */
import { type Look, look, type Side } from "../../migration/look.ts";
import { type Endpoint, stateQuestion } from "../../migration/question.ts";
import { parseState, StateError } from "../../migration/state.ts";
import { UserError } from "../../user-error.ts";
import { brokerLogins } from "../../verify/checks/hosts.ts";
import type { Login, System } from "../../verify/outputs.ts";
import { askDefinitions, askJson } from "../backup/broker.ts";
import { askAny, NoAnswerError } from "../backup/source.ts";
import { npmCommand } from "../stack.ts";

/** For one broker; and after how long the next one is asked as well. */
const askSeconds = 9;
const patienceMs = 4000;

/** A stack, and what its outputs say of it. */
export interface LookedAt {
  readonly stack: string;
  readonly system: System;
}

/** @param seconds for one broker @throws UserError if none of a stack's brokers answers whole */
export async function lookAt(old: LookedAt, fresh: LookedAt, seconds = askSeconds): Promise<Look> {
  const endpoints = amqpEndpoints(old.system);
  const [oldSide, freshSide] = await Promise.all([
    askSide(old.system, old.stack, [], seconds),
    askSide(fresh.system, fresh.stack, endpoints, seconds),
  ]);
  try {
    return look({
      old: oldSide,
      fresh: freshSide,
      endpointCount: endpoints.length,
      hasSameAdmin:
        old.system.adminUser === fresh.system.adminUser &&
        old.system.adminPassword === fresh.system.adminPassword,
    });
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    throw new UserError(`stack ${fresh.stack}: ${error.message}`);
  }
}

/** Where the brokers themselves take AMQP; the balancers use the same port. */
export function amqpEndpoints({ brokers, amqpUri }: Pick<System, "brokers" | "amqpUri">): Endpoint[] {
  const port = Number(new URL(amqpUri).port || 5672);
  return brokers.map(({ address }) => ({ host: address, port }));
}

/** @param endpoints what each broker of the stack tries to reach */
export async function askSide(
  system: System,
  stack: string,
  endpoints: readonly Endpoint[],
  seconds = askSeconds,
): Promise<Side> {
  const expression = stateQuestion(endpoints);
  const ask = async (login: Login, signal: AbortSignal): Promise<Omit<Side, "stack" | "own" | "policy">> => {
    const askedMs = Date.now();
    const state = askJson(login, expression, seconds, signal).then((found) => ({
      state: parseState(found),
      answeredMs: Date.now(),
    }));
    const [{ definitions }, said] = await Promise.all([askDefinitions(login, signal), state]);
    return { definitions, askedMs, ...said };
  };
  try {
    const answer = await askAny(brokerLogins(system), { ask, patience: patienceMs });
    const own = { adminUser: system.adminUser, policyName: system.policy.name };
    return { ...answer, stack, own, policy: system.policy.definition };
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    const advice = npmCommand("up", stack, "--repair");
    throw new UserError(`no broker of stack ${stack} answers whole:\n${error.message}\nStart one: ${advice}`);
  }
}
