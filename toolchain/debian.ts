/** The Debian packages that the lab and the checks need on this computer. */
import { readFileSync } from "node:fs";
import { execa } from "execa";
import { labPackages } from "../platforms/lab/packages.ts";
import { step } from "./step.ts";
import { UserError } from "../user-error.ts";

export { labPackages };

/** What `npm run check` uses beyond npm's packages. */
export const checkPackages = ["shellcheck", "python3-venv"] as const;

/** The browser of the end-to-end tests, and letters for its pages. */
export const browserPackages = ["chromium-headless-shell", "fonts-dejavu-core"] as const;

/** What the tests of an account install the AWS CLI with. */
export const awsPackages = ["python3-venv", "curl"] as const;

/** What the benchmark sets the program beside, and its load tool's Java; Maven fetches that tool. */
export const benchPackages = ["ansible", "openssh-client", "maven", "default-jre-headless"] as const;

/** @returns the ID of this computer's system in /etc/os-release, such as `debian` */
function system(): string {
  try {
    return /^ID=["']?([^"'\n]+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "unknown";
  } catch {
    return process.platform;
  }
}

async function missing(packages: readonly string[]): Promise<string[]> {
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
 * Makes sure that the given packages are there, installing them where this process may.
 * @throws UserError that names the packages where it may not, or the system where it is not Debian.
 */
export async function ensurePackages(packages: readonly string[], purpose: string): Promise<void> {
  const id = system();
  if (id !== "debian") {
    throw new UserError(
      `${purpose} needs a Debian machine (12 or newer), and this one runs ${id}; run it on Debian,` +
        " or in a Debian virtual machine",
    );
  }
  const wanted = await missing(packages);
  if (wanted.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new UserError(
      `${purpose} needs Debian packages that are not installed; run: sudo apt-get install ${wanted.join(" ")}`,
    );
  }
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await step({
    what: "reading the package lists",
    usually: "10 seconds",
    command: ["apt-get", "update"],
    env,
  });
  await step({
    what: `installing the Debian packages ${wanted.join(" ")}`,
    usually: "1 minute",
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

/** @throws UserError where this process may not make containers, networks and routes. */
export function ensureRoot(purpose: string): void {
  if (process.getuid?.() === 0) return;
  throw new UserError(
    `${purpose} makes containers, a network and a route, for which it must run as root; use sudo`,
  );
}
