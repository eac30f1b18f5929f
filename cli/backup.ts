/** `npm run backup`: writes the definitions of all virtual hosts to an encrypted file. */
import { UserError } from "../user-error.ts";
import { brokerLogins } from "../verify/checks/hosts.ts";
import { backUp } from "./backup/make.ts";
import { NoAnswerError } from "./backup/source.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { npmCommand, extractOption, extractStackOption } from "./stack.ts";
import { readSystem } from "./verify.ts";

export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { stack, rest: others } = extractStackOption(args);
  const { value: to, rest } = extractOption(others, {
    name: "to",
    valueHint: "a folder, such as --to /mnt/backups",
  });
  if (rest.length > 0)
    throw new UserError(`backup takes only --stack NAME and --to FOLDER; leave out: ${rest.join(" ")}`);
  const system = await readSystem(pulumi, stack);
  try {
    const { path, summary, broker, seconds } = await backUp(pulumi, stack, {
      system,
      logins: brokerLogins(system),
      to,
    });
    process.stdout.write(
      `${path}\n  ${summary}; as ${broker} has them, in ${seconds} s. Messages are not in it: docs/backup.md\n` +
        `  To see what it would make and change: ${npmCommand("restore", stack, path)}\n`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    throw new UserError(
      `no backup was made, because no broker of stack ${stack} answers whole:\n${error.message}`,
    );
  }
}
