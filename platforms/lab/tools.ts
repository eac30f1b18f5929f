/** Checks that this computer has the lab's tools: the npm scripts install them, plain `pulumi up` does not. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { labPackages } from "./packages.ts";
import { refusalError } from "../../config/refusal-error.ts";

/** The folders of podman's helper programs, on Debian and elsewhere. */
const helperFolders = ["/usr/lib/podman", "/usr/libexec/podman"];

function isInstalled(command: string): boolean {
  return [...(process.env["PATH"] ?? "").split(delimiter), ...helperFolders].some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * @param buildsImage whether the hosts' image is built on this computer
 * @throws pulumi.RunError with what is missing, and how to install it
 */
export function checkLabTools(buildsImage: boolean): void {
  const commands = ["podman", "runc", "netavark", "ip", ...(buildsImage ? ["mmdebstrap"] : [])];
  const missing = commands.filter((command) => !isInstalled(command));
  if (missing.length > 0) {
    throw refusalError(
      `this computer lacks ${missing.join(", ")}, which the lab needs; run: sudo apt-get install ${labPackages.join(" ")}`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw refusalError("the lab makes containers, a network and a route, which needs root; run this as root");
  }
}
