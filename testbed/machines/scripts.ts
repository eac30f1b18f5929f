/** The scripts of the strangers' machines that the lab does not have. */
import { render } from "../../templates/render.ts";

export interface LogIn {
  /** As whom one logs in. */
  readonly user: string;
  /** Whether that user becomes root by sudo, and root cannot log in. */
  readonly sudo: boolean;
  /** The only address that may log in; empty for any. */
  readonly from: string;
}

/** @returns what a machine runs before anybody else knows of it; it prints the machine's host keys */
export function loginScript(values: LogIn): string {
  return render("machines/login.sh", values);
}

export interface MirrorServer {
  readonly name: string;
  readonly address: string;
  readonly network: string;
  readonly lab: string;
  readonly image: string;
  /** Names the mirror's folder. */
  readonly recipe: string;
}

/** @returns what starts a mirror's HTTP server on this computer */
export function mirrorScript(values: MirrorServer): string {
  return render("machines/mirror.sh", values);
}
