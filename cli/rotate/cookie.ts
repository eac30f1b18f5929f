/** The rotation of the Erlang cookie: one number in the stack's file. */
import { UserError } from "../../user-error.ts";
import type { System } from "../../verify/outputs.ts";
import { valueIn, withValue } from "../stack-edit.ts";

const path = ["rabbitmq", "cookieRenewal"] as const;

/**
 * @returns the text of the stack's file with the next number; as it is if the number that it has was not applied yet
 * @throws UserError if the cookie is a secret that the user has set
 */
export function withNextCookie(text: string, { expected }: Pick<System, "expected">): string {
  const number = Number(valueIn(text, path) ?? 1);
  const isWritten = number !== (expected?.cookieRenewal ?? 1);
  if (isWritten) return text;
  if (valueIn(text, ["erlangCookie"]) !== undefined)
    throw new UserError(
      `nothing was changed: erlangCookie is a secret of your own; set another one, write ${path.join(".")}: ${number + 1}, and run up, which then changes it without a stop`,
    );
  return withValue(text, path, number + 1);
}
