/** The environment variables of the Pulumi CLI and all processes that it starts. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Toolchain } from "./pulumi.ts";

const root = dirname(import.meta.dirname);

/** The lab's passphrase. It protects disposable machines on one computer, so it need not be secret. */
const labPassphrase = "rabbitmq-ha-lab";

/**
 * @param isLab whether the machines are a lab's; for all others the user chooses the passphrase
 * @returns this process's environment, with the toolchain first in the PATH and without SSH_AUTH_SOCK, which would
 * break remote commands; this project's own backend and the lab's passphrase are set unless the user has set them
 */
export function pulumiEnvironment(toolchain: Toolchain, isLab = true): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    // If SSH_AUTH_SOCK names a dead agent, every remote command fails, even with a private key (pulumi-command 1.2.1).
    if (value !== undefined && name !== "SSH_AUTH_SOCK") env[name] = value;
  }
  const folders = [process.execPath, toolchain.cli.path, toolchain.languageHost.path].map((path) =>
    dirname(path),
  );
  env["PATH"] = [...new Set(folders), env["PATH"] ?? ""].join(delimiter);
  env["PULUMI_BACKEND_URL"] ??= `file://${join(root, ".pulumi-state")}?create_dir=true&metadata=skip`;
  if (isLab && env["PULUMI_CONFIG_PASSPHRASE_FILE"] === undefined) {
    env["PULUMI_CONFIG_PASSPHRASE"] ??= labPassphrase;
  }
  // If the stack's file has no salt, secrets are encrypted with the salt in the state instead of a second one.
  env["PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER"] ??= "true";
  env["PULUMI_SKIP_UPDATE_CHECK"] ??= "true";
  const preload = `--import=${pathToFileURL(join(root, "toolchain", "no-source-maps.mjs")).href}`;
  env["NODE_OPTIONS"] = [env["NODE_OPTIONS"] ?? "", preload].join(" ").trim();
  // All plug-ins are installed; a search for more would only wait for sites that may be unreachable.
  env["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] ??= "true";
  const userHome = env["PULUMI_HOME"] ?? join(homedir(), ".pulumi");
  if (toolchain.home !== undefined && toolchain.home !== userHome) {
    env["PULUMI_HOME"] = toolchain.home;
    if (existsSync(join(userHome, "credentials.json"))) env["PULUMI_CREDENTIALS_PATH"] ??= userHome;
  }
  return env;
}
