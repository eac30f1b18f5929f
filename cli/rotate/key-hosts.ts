/** What the hosts say of the SSH key, and what they are told to do with it. */
import { z } from "zod";
import { parseJson } from "../../json.ts";
import { derivePublicKey } from "../../platforms/ssh-keys.ts";
import { runOn, SshError } from "../../remote/ssh.ts";
import { shellWord } from "../../templates/render.ts";
import { UserError } from "../../user-error.ts";
import { buildProgramCommand } from "../../verify/checks/hosts.ts";
import type { Login } from "../../verify/outputs.ts";
import { askEach } from "../from-hosts.ts";

/** What a host says of its keys; public keys are lines of authorized_keys. */
const answer = z.object({
  /** The file that has the key in use. */
  file: z.string(),
  /** The new key of a rotation that has begun there. */
  new: z.string().nullable(),
  /** Those that the rotation ends: the former one, and those of starts that were not completed. */
  former: z.array(z.string()),
});

export type HostKeys = Readonly<z.infer<typeof answer>> & { readonly name: string };

/** Runs the program on a host. @throws SshError */
export type AskHost = (login: Login, flags: readonly string[], input: string) => Promise<string>;

/** Limit for log-in and program together; another run of the program may have to end first. */
const timeoutSeconds = 100;

export const askHost: AskHost = (login, flags, input) => {
  const command = [buildProgramCommand(login), "ssh-key", "--user", shellWord(login.user), ...flags].join(
    " ",
  );
  return runOn(login, { command, input, timeoutSeconds });
};

/** @returns the log-in with another key, at the bastion, too */
export function withKey(login: Login, privateKey: string): Login {
  const { proxy } = login;
  return { ...login, privateKey, ...(proxy === undefined ? {} : { proxy: { ...proxy, privateKey } }) };
}

/**
 * Runs the program on all hosts at once, logged in with the log-in's own key.
 * @param keys the other keys that the flag needs
 * @returns what each says, in their order
 * @throws UserError that names every host without a whole answer; it begins with `otherwise`, what that means
 */
export async function askAll(
  logins: readonly Login[],
  ask: AskHost,
  otherwise: string,
  { flag, keys = [] }: { readonly flag?: "--add" | "--finish"; readonly keys?: readonly string[] } = {},
): Promise<HostKeys[]> {
  const askKeys = async (login: Login): Promise<HostKeys> => {
    const lines = [derivePublicKey(login.privateKey), ...keys];
    const text = await ask(login, flag === undefined ? [] : [flag], `${lines.join("\n")}\n`);
    return { name: login.name, ...answer.parse(parseJson(text)) };
  };
  return askEach(logins, askKeys, otherwise);
}

/**
 * Logs in to a bastion that is not the stack's own, where the program changes nothing.
 * @throws UserError unless it accepts the key
 */
export async function checkBastion(
  login: NonNullable<Login["proxy"]>,
  logIn: (login: Login) => Promise<unknown> = (each) => runOn(each, { command: "true" }),
): Promise<void> {
  try {
    await logIn({ name: login.host, ...login });
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    // It has logged in; many bastions run no command.
    if (error.reason === "command") return;
    throw new UserError(
      `nothing was changed: the bastion ${login.host} does not accept the new key (${error.message}), and the program ` +
        `changes nothing there; add this line to ~/.ssh/authorized_keys of ${login.user} on it, and run this again:\n` +
        derivePublicKey(login.privateKey),
    );
  }
}
