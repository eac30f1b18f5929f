import { shellWord } from "../templates/render.ts";

/** @returns the command that runs a script as root on a host where this user logs in */
export function buildRootCommand({ user }: { readonly user: string }, script: string): string {
  return `${user === "root" ? "" : "sudo -n "}sh -c ${shellWord(script)}`;
}
