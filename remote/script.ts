/** The scripts that run on a host before the program is there. */
import type { Host } from "../hosts/host.ts";
import { render } from "../templates/render.ts";

export interface ScriptArgs {
  /** What messages call it. */
  readonly name: string;
  readonly body: string;
  /** Limit for the script, without its wait for another one. */
  readonly timeoutSeconds: number;
}

/**
 * @returns a command that runs a script as root: one at a time (a killed `up` may have left one running), with a timeout,
 * and with its standard input passed on
 */
export function wrapScript({ name, body, timeoutSeconds }: ScriptArgs, { sudo }: Pick<Host, "sudo">): string {
  const limits = { deadline: timeoutSeconds, patience: timeoutSeconds + 30 };
  return render("remote/run.sh", { name, body: body.trimEnd(), ...limits, sudo });
}
