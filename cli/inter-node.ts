/** Refuses to change how the brokers of a running cluster speak with each other: RabbitMQ has no way to do that. */
import { UserError } from "../user-error.ts";
import { readStackFile } from "./stack-file.ts";
import { valueIn } from "./stack-edit.ts";
import { npmCommand, type StackOutputs } from "./stack.ts";

/**
 * @param expected what `verify` compares the running brokers with; undefined before the first `up`
 * @returns why the stack's file cannot be applied; undefined if it can
 */
export function interNodeFault(
  expected: Readonly<Record<string, unknown>> | undefined,
  text: string,
  stack: string,
): string | undefined {
  if (expected === undefined) return undefined;
  const { interNode = false } = (expected["tls"] ?? {}) as { readonly interNode?: boolean };
  const wanted = valueIn(text, ["tls", "interNode"]) === true;
  if (wanted === interNode) return undefined;
  const now = interNode ? "by TLS" : "without TLS";
  const way = ["backup", "destroy"].map((script) => npmCommand(script, stack)).join(", ");
  return (
    `tls.interNode = ${wanted}: the brokers speak ${now} with each other, and a running cluster cannot change that; nothing was done. ` +
    `Write tls.interNode: ${interNode}${interNode ? "" : " or remove it"}. To change it, move the messages elsewhere, then: ${way}, ` +
    `${npmCommand("up", stack)} with the other value, ${npmCommand("restore", stack, "FILE")}`
  );
}

/** @throws UserError if the stack's file has another `tls.interNode` than the running cluster */
export function refuseInterNodeChange(outputs: StackOutputs, stack: string): void {
  const expected = outputs?.["expected"] as Readonly<Record<string, unknown>> | undefined;
  const fault = interNodeFault(expected, readStackFile(stack), stack);
  if (fault !== undefined) throw new UserError(fault);
}
