/** Where the file of a private key is. */
import { homedir } from "node:os";
import { resolve } from "node:path";

/** @returns the absolute path of a key file; `~` is the home of the user who runs the program, other paths start at the project */
export function resolveKeyPath(file: string): string {
  return resolve(file.replace(/^~(?=\/|$)/, homedir()));
}
