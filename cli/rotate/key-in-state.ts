/**
 * Puts another SSH key in the place of the one in a stack's state. A changed connection would re-run every step; with the
 * key changed in the state, too, there is nothing to re-run.
 */
import { isDeepStrictEqual } from "node:util";
import { UserError } from "../../user-error.ts";
import type { PulumiCli } from "../run-pulumi.ts";

export interface SshKey {
  readonly privateKey: string;
  /** As a line of authorized_keys. */
  readonly publicKey: string;
}

/** What the CLI exports of a state with plain secrets, as far as it is read here. */
interface PlainState {
  readonly deployment?: { readonly resources?: readonly { readonly type?: string }[] | null };
}

/** The key that marks a secret in a state; what it holds is JSON once more (pulumi: sdk/go/common/resource/sig). */
const signature = "4dabf18193072939515e22adb298388d";

/**
 * @param state as the CLI exports it with plain secrets
 * @returns the state with the new key wherever the former one was: in connections, in the generated secret, in outputs. What
 * an AWS account was told at the creation of a machine stays.
 */
export function withOtherKey(state: PlainState, former: SshKey, next: SshKey): PlainState {
  const { deployment } = state;
  const pairs: [string, string][] = [
    [former.privateKey, next.privateKey],
    // Inside JSON that is itself a text, such as the standard input of a clean-up.
    [inJson(former.privateKey), inJson(next.privateKey)],
    [former.publicKey, next.publicKey],
  ];
  const resources = (deployment?.resources ?? []).map((each) =>
    each.type?.startsWith("aws:") === true ? each : replaced(each, pairs),
  );
  return { ...state, deployment: { ...deployment, resources } };
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function replaced<Value>(value: Value, pairs: readonly (readonly [string, string])[]): Value {
  if (typeof value === "string")
    return pairs.reduce<string>((text, [from, to]) => text.replaceAll(from, () => to), value) as Value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each: unknown) => replaced(each, pairs)) as Value;
  const { plaintext } = value as { readonly plaintext?: unknown };
  if (signature in value && typeof plaintext === "string")
    return { ...value, plaintext: JSON.stringify(replaced(JSON.parse(plaintext) as unknown, pairs)) };
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, replaced(each, pairs)]),
  ) as Value;
}

/**
 * Changes the key in the stack's state, in one write. The CLI encrypts the secrets again.
 * @throws UserError if the state cannot be read or written, or has no longer the former key; it is then as it was
 */
export async function changeKeyInState(
  pulumi: Pick<PulumiCli, "captureOrThrow">,
  stack: string,
  former: SshKey,
  next: SshKey,
): Promise<void> {
  const text = await pulumi.captureOrThrow(["stack", "export", "--show-secrets", "--stack", stack]);
  const state = JSON.parse(text) as PlainState;
  const changed = withOtherKey(state, former, next);
  // A killed run's write may come late, and another run may be faster.
  if (isDeepStrictEqual(changed, state))
    throw new UserError(
      "the stack's state was not changed: it no longer has the key that this run began with, as after another run of the command; every key is valid on every host: run this again",
    );
  await pulumi.captureOrThrow(["stack", "import", "--stack", stack], JSON.stringify(changed));
}
