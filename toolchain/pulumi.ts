/**
 * Chooses each part of the Pulumi toolchain: the user's own, else the official download, else a replacement that needs
 * the package registries only (the CLI built from its Go module, this project's language host and command provider).
 */
import {
  access,
  chmod,
  constants,
  copyFile,
  link,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { delimiter, dirname, join, sep } from "node:path";
import { execa } from "execa";
import semver from "semver";
import { logSetup, runStep } from "./step.ts";
import { UserError } from "../user-error.ts";

/** The version that is downloaded or built; the user's own CLI must be in the range. */
export const cliVersion = "3.259.0";
const cliRange = ">=3.259.0 <4";
const providerVersion = "1.2.1";
const providerPath = join("plugins", `resource-command-v${providerVersion}`, "pulumi-resource-command");

/** Names a Pulumi home (`bin/`, `plugins/`) with the real binaries; if set, only these are used. */
export const realHomeVariable = "RABBITMQ_HA_REAL_PULUMI_HOME";

/** After this time without an answer the download site counts as unreachable. */
const reachTimeoutMs = 5_000;

export interface ToolchainPart {
  readonly path: string;
  /** Where it comes from, as shown to the user. */
  readonly origin: string;
}

export interface Toolchain {
  readonly cli: ToolchainPart;
  readonly languageHost: ToolchainPart;
  readonly commandProvider: ToolchainPart;
  /** The PULUMI_HOME to use; if absent, the user's own. */
  readonly home?: string;
}

const root = dirname(import.meta.dirname);
/** The folder for what belongs to this checkout. */
const checkoutFolder = join(root, ".toolchain");
/** The folder for what all checkouts share. */
const sharedFolder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "rabbitmq-ha");
const createdHome = join(checkoutFolder, "home");
/** The folder of this project's stand-ins for the language host and the command provider. */
const standInFolder = join(root, "toolchain", "engine");
const goModuleFolder = join(root, "toolchain", "cli");

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The Pulumi homes that may hold the user's own binaries, the preferred one first. */
function userPulumiHomes(): string[] {
  const real = process.env[realHomeVariable];
  if (real !== undefined && real !== "") return [real];
  // Within this project's own commands PULUMI_HOME names the home that was created here, which is not the user's.
  const named = process.env["PULUMI_HOME"] ?? "";
  return [...(named === "" || named === createdHome ? [] : [named]), join(homedir(), ".pulumi")];
}

/** The folders that may hold the user's own binaries. npm's shims are skipped: they run this project's dependency. */
function searchFolders(): string[] {
  const path =
    process.env[realHomeVariable] === undefined ? (process.env["PATH"] ?? "").split(delimiter) : [];
  const inHomes = userPulumiHomes().flatMap((home) => [
    join(home, "bin"),
    join(home, "versions", cliVersion, "bin"),
  ]);
  return [...path, ...inHomes].filter(
    (folder) =>
      folder !== "" &&
      !folder.includes(join("node_modules", ".bin")) &&
      !folder.startsWith(checkoutFolder + sep),
  );
}

async function findExecutables(name: string): Promise<string[]> {
  const paths = searchFolders().map((folder) => join(folder, name));
  const there = await Promise.all(paths.map(isExecutable));
  return paths.filter((_, index) => there[index]);
}

async function findUserCli(): Promise<ToolchainPart | undefined> {
  for (const path of await findExecutables("pulumi")) {
    const { stdout, failed } = await execa(path, ["version"], {
      reject: false,
      timeout: 20_000,
      env: { PULUMI_SKIP_UPDATE_CHECK: "true" },
    });
    const version = semver.valid(stdout.trim());
    if (failed || version === null) continue;
    if (semver.satisfies(version, cliRange)) return { path, origin: `yours, ${version}` };
    logSetup(`${path} has version ${version}, but ${cliRange} is required; it is not used`);
  }
  return undefined;
}

async function findUserLanguageHost(): Promise<ToolchainPart | undefined> {
  const [path] = await findExecutables("pulumi-language-nodejs");
  return path === undefined ? undefined : { path, origin: "yours" };
}

async function findUserProvider(): Promise<(ToolchainPart & { readonly home: string }) | undefined> {
  for (const home of userPulumiHomes()) {
    const path = join(home, providerPath);
    if (await isExecutable(path)) return { path, origin: `yours, ${providerVersion}`, home };
  }
  return undefined;
}

/** @returns whether Pulumi's download site answers within a few seconds */
async function isDownloadSiteReachable(): Promise<boolean> {
  return fetch("https://get.pulumi.com/", {
    method: "HEAD",
    signal: AbortSignal.timeout(reachTimeoutMs),
  }).then(
    (response) => response.status < 500,
    () => false,
  );
}

async function downloadCli(): Promise<
  { readonly cli: ToolchainPart; readonly languageHost: ToolchainPart } | undefined
> {
  const folder = join(sharedFolder, `pulumi-${cliVersion}`);
  try {
    logSetup(`downloading the Pulumi CLI ${cliVersion} (usually 30 seconds)`);
    // Imported only here, since it takes longer to load than the rest of a command's start.
    const { PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
    const { command } = await PulumiCommand.install({ root: folder, version: new semver.SemVer(cliVersion) });
    const origin = `downloaded, ${cliVersion}`;
    return {
      cli: { path: command, origin },
      languageHost: { path: join(dirname(command), "pulumi-language-nodejs"), origin },
    };
  } catch (error) {
    logSetup(`the download failed (${error instanceof Error ? error.message : String(error)})`);
    return undefined;
  }
}

async function downloadProvider(cli: string): Promise<ToolchainPart | undefined> {
  const path = join(createdHome, providerPath);
  logSetup(`downloading the command provider ${providerVersion} (usually 10 seconds)`);
  const { failed, all } = await execa(cli, ["plugin", "install", "resource", "command", providerVersion], {
    reject: false,
    all: true,
    timeout: 120_000,
    env: { PULUMI_HOME: createdHome, PULUMI_SKIP_UPDATE_CHECK: "true" },
  });
  if (!failed && (await isExecutable(path))) return { path, origin: `downloaded, ${providerVersion}` };
  logSetup(`the download failed (${all.split("\n").at(-1) ?? ""})`);
  return undefined;
}

/** Builds the CLI from its Go module, once for each content of go.mod and go.sum, for all checkouts. */
async function buildCli(): Promise<string> {
  const content = createHash("sha256");
  for (const name of ["go.mod", "go.sum"]) content.update(await readFile(join(goModuleFolder, name)));
  const folder = join(sharedFolder, `pulumi-cli-${cliVersion}-${content.digest("hex").slice(0, 12)}`);
  const path = join(folder, "pulumi");
  if (await isExecutable(path)) return path;
  const go = await execa("go", ["version"], { reject: false });
  if (go.failed) {
    throw new UserError(
      "no Pulumi CLI was found, its download site is unreachable, and Go is missing, which could build it;" +
        " install Go 1.21 or newer (https://go.dev/dl) or the Pulumi CLI (https://www.pulumi.com/docs/iac/download-install)",
    );
  }
  await mkdir(folder, { recursive: true });
  const unfinished = join(folder, `pulumi.${process.pid}`);
  const version = `github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${cliVersion}`;
  const build = ["build", "-v", "-tags", "osusergo,grpcnotrace", "-ldflags", `-s -w -X ${version}`];
  await runStep({
    description: `building the Pulumi CLI ${cliVersion} from its Go module`,
    usualDuration: "5–10 minutes the first time on two cores",
    command: ["go", ...build, "-o", unfinished, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"],
    cwd: goModuleFolder,
  });
  await rename(unfinished, path);
  return path;
}

/** Puts the built CLI next to this project's language host, where the engine finds the host without a warning. */
async function linkBuiltCli(built: string): Promise<ToolchainPart> {
  const path = join(checkoutFolder, "bin", "pulumi");
  await mkdir(dirname(path), { recursive: true });
  await link(built, path).catch(() => copyFile(built, path));
  return { path, origin: `built from its Go module, ${cliVersion}` };
}

/** Writes an executable that runs one of this project's TypeScript stand-ins with this checkout's Node. */
async function writeStandIn(path: string, entry: string): Promise<ToolchainPart> {
  await mkdir(dirname(path), { recursive: true });
  const text = `#!/bin/sh\nexec '${process.execPath}' '${join(standInFolder, entry)}' "$@"\n`;
  await writeFile(path, text);
  await chmod(path, 0o755);
  return { path, origin: "own stand-in, toolchain/engine" };
}

async function chooseToolchain(): Promise<Toolchain> {
  let cli = await findUserCli();
  let languageHost = await findUserLanguageHost();
  const provider = await findUserProvider();
  let commandProvider: ToolchainPart | undefined = provider;
  if (process.env[realHomeVariable] !== undefined && !(cli && languageHost && commandProvider)) {
    throw new UserError(
      `${realHomeVariable}=${process.env[realHomeVariable]} must hold bin/pulumi (${cliRange}),` +
        ` bin/pulumi-language-nodejs and ${providerPath}`,
    );
  }
  if (!(cli && languageHost && commandProvider)) {
    if (await isDownloadSiteReachable()) {
      if (cli === undefined) {
        const downloaded = await downloadCli();
        cli = downloaded?.cli;
        languageHost ??= downloaded?.languageHost;
      }
      if (cli !== undefined) commandProvider ??= await downloadProvider(cli.path);
    } else {
      logSetup(
        `Pulumi's download site did not answer within ${reachTimeoutMs / 1000} s; the package registries are used instead`,
      );
    }
  }
  cli ??= await linkBuiltCli(await buildCli());
  languageHost ??= await writeStandIn(
    join(checkoutFolder, "bin", "pulumi-language-nodejs"),
    "language-host.ts",
  );
  commandProvider ??= await writeStandIn(join(createdHome, providerPath), "command-provider.ts");
  return { cli, languageHost, commandProvider, home: provider?.home ?? createdHome };
}

/** @returns everything that the choice depends on; while it is unchanged and the parts exist, the choice stands */
async function describeChoiceInputs(): Promise<string> {
  const candidates = [
    ...(await findExecutables("pulumi")),
    ...(await findExecutables("pulumi-language-nodejs")),
  ];
  const provider = await findUserProvider();
  if (provider !== undefined) candidates.push(provider.path);
  const stamps = await Promise.all(candidates.map(async (path) => `${path} ${(await stat(path)).mtimeMs}`));
  return JSON.stringify([
    standInFolder,
    process.execPath,
    cliVersion,
    providerVersion,
    userPulumiHomes(),
    stamps,
  ]);
}

/**
 * @returns the toolchain to use; it is chosen once, and later calls only check that the choice still stands
 * @throws UserError when a part can be neither found nor created
 */
export async function ensureToolchain(): Promise<Toolchain> {
  const record = join(checkoutFolder, "toolchain.json");
  const key = await describeChoiceInputs();
  const known = await readFile(record, "utf8").then(
    (text) => JSON.parse(text) as { key: string; toolchain: Toolchain },
    () => undefined,
  );
  if (known?.key === key) {
    const { cli, languageHost, commandProvider } = known.toolchain;
    const there = await Promise.all(
      [cli, languageHost, commandProvider].map(({ path }) => isExecutable(path)),
    );
    if (there.every(Boolean)) return known.toolchain;
  }
  await rm(join(checkoutFolder, "bin"), { recursive: true, force: true });
  await rm(createdHome, { recursive: true, force: true });
  const toolchain = await chooseToolchain();
  if (toolchain.home === createdHome) await disableCliLogs();
  await mkdir(checkoutFolder, { recursive: true });
  await writeFile(record, JSON.stringify({ key, toolchain }));
  return toolchain;
}

/**
 * Prevents the CLI from writing logs into the home that was created here. It logs all calls between itself and its
 * plug-ins: about 5 MB per run, which take a tenth of the time of a run without changes, and no setting turns them off.
 * If it cannot create the folder, it continues without logs; `-v` and `--logtostderr` still show everything. The user's
 * own home is not changed.
 */
async function disableCliLogs(): Promise<void> {
  const path = join(createdHome, "logs");
  await rm(path, { recursive: true, force: true });
  await mkdir(createdHome, { recursive: true });
  await writeFile(path, "A file instead of a folder: the Pulumi CLI keeps no logs here.\n");
}

/** @returns the chosen parts in one line, for standard error */
export function describeToolchain({ cli, languageHost, commandProvider }: Toolchain): string {
  return `Pulumi CLI: ${cli.origin}; language host: ${languageHost.origin}; command provider: ${commandProvider.origin}`;
}
