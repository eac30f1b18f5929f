/** Runs the command that standard input names on a host; one that cannot be reached is reported, and is no failure. */
import { text } from "node:stream/consumers";
import { runOn, SshError, type Login } from "./ssh.ts";

interface Errand {
  readonly name: string;
  readonly login: Login;
  /** Seconds. */
  readonly patience: number;
  readonly command: string;
  /** What the command reads: states of release 0.1.0 have a whole script here. @default nothing */
  readonly script?: string;
}

const { name, login, patience, command, script = "" } = JSON.parse(await text(process.stdin)) as Errand;
try {
  process.stdout.write(await runOn(login, { command, input: script, patience }));
} catch (error) {
  if (!(error instanceof SshError)) throw error;
  const where = `${name} (${login.host})`;
  if (["command", "slow"].includes(error.reason)) {
    process.stderr.write(`${where}: what the program put there could not be removed: ${error.message}\n`);
    process.exitCode = 1;
  } else {
    process.stderr.write(
      `${where} could not be reached, so all that the program put there is still on it: ${error.message}\n`,
    );
  }
}
