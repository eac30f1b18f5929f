/** Sends the program to a host, and the command that installs it; the latter is read from standard input. */
import { text } from "node:stream/consumers";
import type { OwnLogin } from "./own-login.ts";
import { programBundle } from "./program.ts";
import { runOn, SshError } from "./ssh.ts";

const { name, login, patience, command } = JSON.parse(await text(process.stdin)) as OwnLogin;
try {
  await runOn(login, {
    command,
    input: programBundle(),
    timeoutSeconds: patience,
    loginTimeoutSeconds: 30,
  });
} catch (error) {
  if (!(error instanceof SshError)) throw error;
  const { complaint } = error;
  const message = complaint === "" ? error.message : complaint;
  process.stderr.write(`${name} (${login.host}): the program could not be installed: ${message}\n`);
  process.exitCode = 1;
}
