/** Whether this computer has what a lab is made with; the npm scripts install it, plain `pulumi up` does not. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { labPackages } from "./packages.ts";
import { refused } from "../refused.ts";

/** Where podman keeps its helpers, on Debian and elsewhere. */
const helpers = ["/usr/lib/podman", "/usr/libexec/podman"];

function isThere(command: string): boolean {
  return [...(process.env["PATH"] ?? "").split(delimiter), ...helpers].some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * @param builds whether the hosts' image is built here
 * @throws pulumi.RunError with what is missing, and how it is installed
 */
export function checkLabTools(builds: boolean): void {
  const commands = ["podman", "runc", "netavark", "ip", ...(builds ? ["mmdebstrap"] : [])];
  const missing = commands.filter((command) => !isThere(command));
  if (missing.length > 0) {
    throw refused(
      `this computer lacks ${missing.join(", ")}, which the lab needs; run: sudo apt-get install ${labPackages.join(" ")}`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw refused("the lab makes containers, a network and a route, for which this must run as root");
  }
}
