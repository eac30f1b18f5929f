/** Refuses to change how the brokers of a running stack speak with each other, unless a full stop is asked for. */
import { interNodeWords } from "../hosts/inter-node.ts";
import { UserError } from "../user-error.ts";
import { readStackFile } from "./stack-file.ts";
import { valueIn } from "./stack-edit.ts";
import { npmCommand, type StackOutputs } from "./stack.ts";

/** The flag by which a user has all brokers stop for a change. */
export const fullStopFlag = "--full-stop";

/** @returns whether the stack's file wants TLS between the brokers */
export function isByTlsIn(text: string): boolean {
  return valueIn(text, ["tls", "interNode"]) === true;
}

/**
 * @param expected what `verify` compares the running brokers with; undefined before the first `up`
 * @param fullStop whether the user asks for a full stop
 * @returns why the stack's file cannot be applied; undefined if it can
 */
export function interNodeFault(
  expected: Readonly<Record<string, unknown>> | undefined,
  text: string,
  stack: string,
  fullStop: boolean,
): string | undefined {
  if (expected === undefined)
    return fullStop
      ? `${fullStopFlag}: no up of stack ${stack} has ended well yet, so nothing was done; leave it out`
      : undefined;
  const { interNode = false } = (expected["tls"] ?? {}) as { readonly interNode?: boolean };
  const wanted = isByTlsIn(text);
  if (wanted === interNode) return undefined;
  const command = npmCommand("up", stack, fullStopFlag);
  if (wanted && expected["tls"] === undefined)
    return (
      `tls.interNode = true: the brokers have no certificates yet; nothing was done. First write tls: {} and run ` +
      `${npmCommand("up", stack)}; then write tls.interNode: true and run ${command}`
    );
  if (fullStop) return undefined;
  return (
    `tls.interNode = ${wanted}: the brokers speak ${interNodeWords(interNode)} with each other, and only a stop of all of them changes that; nothing was done. ` +
    `Write tls.interNode: ${interNode}${interNode ? "" : " or remove it"}. To change it, tell the clients that all brokers stop for about a minute, then: ${command}`
  );
}

/** @throws UserError if the stack's file has another `tls.interNode` than the running cluster, without a full stop */
export function refuseInterNodeChange(outputs: StackOutputs, stack: string, fullStop: boolean): void {
  const expected = outputs?.["expected"] as Readonly<Record<string, unknown>> | undefined;
  const fault = interNodeFault(expected, readStackFile(stack), stack, fullStop);
  if (fault !== undefined) throw new UserError(fault);
}
