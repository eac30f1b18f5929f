/** The Debian packages that the lab, the tests and the benchmark need on this computer. */
import { readFileSync } from "node:fs";
import { execa } from "execa";
import { labPackages } from "../platforms/lab/packages.ts";
import { runStep } from "./step.ts";
import { UserError } from "../user-error.ts";

export { labPackages };

/** What `npm run check` uses beyond npm's packages. */
export const checkPackages = ["shellcheck", "python3-venv"] as const;

/** The browser of the end-to-end tests, and a font for its pages. */
export const browserPackages = ["chromium-headless-shell", "fonts-dejavu-core"] as const;

/** What tests need to install tools and clients in Python. */
export const pythonPackages = ["python3-venv", "curl"] as const;

/** For the benchmark: Ansible, with which the program is compared, and Java and Maven for the load tool. */
export const benchPackages = ["ansible", "openssh-client", "maven", "default-jre-headless"] as const;

/** @returns the ID in this computer's /etc/os-release, such as `debian`; without that file, Node's platform name */
function readSystemId(): string {
  try {
    return /^ID=["']?([^"'\n]+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "unknown";
  } catch {
    return process.platform;
  }
}

async function findMissingPackages(packages: readonly string[]): Promise<string[]> {
  const { stdout } = await execa(
    "dpkg-query",
    ["-W", "-f", "${db:Status-Status} ${Package}\n", ...packages],
    {
      reject: false,
    },
  );
  const installed = new Set(
    stdout
      .split("\n")
      .flatMap((line) => (line.startsWith("installed ") ? [line.slice("installed ".length)] : [])),
  );
  return packages.filter((name) => !installed.has(name));
}

/**
 * Makes sure that the given packages are installed, and installs the missing ones when run as root.
 * @throws UserError that lists the missing packages when not run as root, or names the system if it is not Debian
 */
export async function ensurePackages(packages: readonly string[], purpose: string): Promise<void> {
  const id = readSystemId();
  if (id !== "debian") {
    throw new UserError(
      `${purpose} needs Debian 12 or newer, but this computer runs ${id}; run it on Debian,` +
        " or in a Debian virtual machine",
    );
  }
  const wanted = await findMissingPackages(packages);
  if (wanted.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new UserError(
      `${purpose} needs Debian packages that are not installed; run: sudo apt-get install ${wanted.join(" ")}`,
    );
  }
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await runStep({
    description: "reading the package lists",
    usualDuration: "10 seconds",
    command: ["apt-get", "update"],
    env,
  });
  await runStep({
    description: `installing the Debian packages ${wanted.join(" ")}`,
    usualDuration: "1 minute",
    command: [
      "apt-get",
      "install",
      "-y",
      "--no-install-recommends",
      "-o",
      "DPkg::Lock::Timeout=300",
      ...wanted,
    ],
    env,
  });
}

/** @throws UserError when not run as root, which containers, networks and routes require */
export function ensureRoot(purpose: string): void {
  if (process.getuid?.() === 0) return;
  throw new UserError(
    `${purpose} must run as root, because it creates containers, a network and a route; use sudo`,
  );
}
