/** What a script on this computer reads that logs in to a host by itself, instead of the command provider. */
import type { Login } from "./ssh.ts";

/** States contain it as JSON: do not rename its keys. */
export interface OwnLogin {
  /** The host's name, for messages. */
  readonly name: string;
  readonly login: Login;
  /** Limit for the log-in and the command together, in seconds. */
  readonly patience: number;
  readonly command: string;
}
