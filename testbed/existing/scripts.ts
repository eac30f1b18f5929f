/** The scripts of the given machines that the lab does not need. */
import { render } from "../../templates/render.ts";

export interface LoginScriptArgs {
  /** The login user. */
  readonly user: string;
  /** Whether that user becomes root by sudo, and root cannot log in. */
  readonly sudo: boolean;
  /** The only address that may log in; empty for all. */
  readonly from: string;
}

/** @returns the script that a given machine runs before it is handed over; it prints the machine's host keys */
export function loginScript(values: LoginScriptArgs): string {
  return render("machines/login.sh", values);
}

export interface MirrorScriptArgs {
  readonly name: string;
  readonly address: string;
  readonly network: string;
  readonly lab: string;
  readonly image: string;
  /** Names the mirror's folder. */
  readonly recipe: string;
}

/** @returns the script that starts a mirror's HTTP server on this computer */
export function mirrorScript(values: MirrorScriptArgs): string {
  return render("machines/mirror.sh", values);
}
