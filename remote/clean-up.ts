/** Runs a command on a host, both read from standard input. A host that cannot be reached is reported and is no failure. */
import { text } from "node:stream/consumers";
import type { OwnLogin } from "./own-login.ts";
import { runOn, SshError } from "./ssh.ts";

interface CleanUpRequest extends OwnLogin {
  /** The command's standard input: in states of release 0.1.0 this is a whole script. @default empty */
  readonly script?: string;
}

const {
  name,
  login,
  patience: timeoutSeconds,
  command,
  script = "",
} = JSON.parse(await text(process.stdin)) as CleanUpRequest;
try {
  process.stdout.write(await runOn(login, { command, input: script, timeoutSeconds }));
} catch (error) {
  if (!(error instanceof SshError)) throw error;
  const where = `${name} (${login.host})`;
  if (["command", "slow"].includes(error.reason)) {
    process.stderr.write(`${where}: what the program installed could not be removed: ${error.message}\n`);
    process.exitCode = 1;
  } else {
    process.stderr.write(
      `${where} could not be reached, so everything that the program installed is still there: ${error.message}\n`,
    );
  }
}
