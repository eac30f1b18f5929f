/** The environment that the Pulumi CLI and everything below it run in. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { Toolchain } from "./toolchain.ts";

const root = dirname(import.meta.dirname);

/** The lab's passphrase. It guards throw-away machines on one computer, so it need not be secret. */
const labPassphrase = "rabbitmq-ha-lab";

/**
 * @param ofLab whether it is about throw-away machines; the secrets of all others are the user's to guard
 * @returns the process's environment with the toolchain in front of the PATH, this project's own backend and the
 * lab's passphrase where the user has set neither, and without what would disturb the remote commands.
 */
export function pulumiEnvironment(toolchain: Toolchain, ofLab = true): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    // A set but dead agent makes every remote command fail even with a private key (facts of pulumi-command 1.2.1).
    if (value !== undefined && name !== "SSH_AUTH_SOCK") env[name] = value;
  }
  const folders = [process.execPath, toolchain.cli.path, toolchain.languageHost.path].map((path) =>
    dirname(path),
  );
  env["PATH"] = [...new Set(folders), env["PATH"] ?? ""].join(delimiter);
  env["PULUMI_BACKEND_URL"] ??= `file://${join(root, ".pulumi-state")}?create_dir=true`;
  if (ofLab && env["PULUMI_CONFIG_PASSPHRASE_FILE"] === undefined) {
    env["PULUMI_CONFIG_PASSPHRASE"] ??= labPassphrase;
  }
  // Where the stack's file has no salt, a secret is encrypted with the one in the state, and never with a second one.
  env["PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER"] ??= "true";
  env["PULUMI_SKIP_UPDATE_CHECK"] ??= "true";
  // Everything needed is in place; a look for more would only wait for sites that may be out of reach.
  env["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] ??= "true";
  const userHome = env["PULUMI_HOME"] ?? join(homedir(), ".pulumi");
  if (toolchain.home !== undefined && toolchain.home !== userHome) {
    env["PULUMI_HOME"] = toolchain.home;
    if (existsSync(join(userHome, "credentials.json"))) env["PULUMI_CREDENTIALS_PATH"] ??= userHome;
  }
  return env;
}
