/**
 * The Pulumi toolchain, part by part: what the user already has, else the official download, else what can be made
 * from the package registries alone (the CLI from its Go module, our own language host and command provider).
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
import { say, step } from "./step.ts";
import { UserError } from "../user-error.ts";

/** The version that is downloaded or built; an own one must be in the range. */
export const cliVersion = "3.259.0";
const cliRange = ">=3.259.0 <4";
const providerVersion = "1.2.1";
const providerPath = join("plugins", `resource-command-v${providerVersion}`, "pulumi-resource-command");

/** Names a Pulumi home (`bin/`, `plugins/`) whose real binaries take the place of everything decided here. */
export const realHomeVariable = "RABBITMQ_HA_REAL_PULUMI_HOME";

/** Milliseconds that the download site has to answer before it counts as out of reach. */
const reachTimeout = 5_000;

export interface Part {
  readonly path: string;
  /** Where it comes from, in the user's words. */
  readonly origin: string;
}

export interface Toolchain {
  readonly cli: Part;
  readonly languageHost: Part;
  readonly commandProvider: Part;
  /** The PULUMI_HOME to run with; absent: the user's own. */
  readonly home?: string;
}

const root = dirname(import.meta.dirname);
/** What belongs to this checkout. */
const local = join(root, ".toolchain");
/** What all checkouts share. */
const shared = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "rabbitmq-ha");
const ownHome = join(local, "home");
/** The stand-ins for the language host and the command provider. */
const standIns = join(root, "toolchain", "engine");
const goModule = join(root, "toolchain", "cli");

async function executable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The Pulumi homes in which the user may keep binaries, the most telling first. */
function homes(): string[] {
  const real = process.env[realHomeVariable];
  if (real !== undefined && real !== "") return [real];
  // Within one of our own commands it names the home that was made here, which says nothing about the user.
  const named = process.env["PULUMI_HOME"] ?? "";
  return [...(named === "" || named === ownHome ? [] : [named]), join(homedir(), ".pulumi")];
}

/** Where the user's own binaries may be; npm's shims are looked past, since they would be our own dependency. */
function folders(): string[] {
  const path =
    process.env[realHomeVariable] === undefined ? (process.env["PATH"] ?? "").split(delimiter) : [];
  const inHomes = homes().flatMap((home) => [join(home, "bin"), join(home, "versions", cliVersion, "bin")]);
  return [...path, ...inHomes].filter(
    (folder) =>
      folder !== "" && !folder.includes(join("node_modules", ".bin")) && !folder.startsWith(local + sep),
  );
}

async function find(name: string): Promise<string[]> {
  const paths = folders().map((folder) => join(folder, name));
  const there = await Promise.all(paths.map(executable));
  return paths.filter((_, index) => there[index]);
}

async function ownCli(): Promise<Part | undefined> {
  for (const path of await find("pulumi")) {
    const { stdout, failed } = await execa(path, ["version"], {
      reject: false,
      timeout: 20_000,
      env: { PULUMI_SKIP_UPDATE_CHECK: "true" },
    });
    const version = semver.valid(stdout.trim());
    if (failed || version === null) continue;
    if (semver.satisfies(version, cliRange)) return { path, origin: `yours, ${version}` };
    say(`${path} is version ${version}, and ${cliRange} is needed; looking on`);
  }
  return undefined;
}

async function ownLanguageHost(): Promise<Part | undefined> {
  const [path] = await find("pulumi-language-nodejs");
  return path === undefined ? undefined : { path, origin: "yours" };
}

async function ownProvider(): Promise<(Part & { readonly home: string }) | undefined> {
  for (const home of homes()) {
    const path = join(home, providerPath);
    if (await executable(path)) return { path, origin: `yours, ${providerVersion}`, home };
  }
  return undefined;
}

/** @returns whether Pulumi's download site answers at all, decided within a few seconds */
async function reachable(): Promise<boolean> {
  return fetch("https://get.pulumi.com/", { method: "HEAD", signal: AbortSignal.timeout(reachTimeout) }).then(
    (response) => response.status < 500,
    () => false,
  );
}

async function downloadCli(): Promise<{ readonly cli: Part; readonly languageHost: Part } | undefined> {
  const folder = join(shared, `pulumi-${cliVersion}`);
  try {
    say(`downloading the Pulumi CLI ${cliVersion} (usually 30 seconds)`);
    // Loaded here alone, since it takes longer to load than all the rest of a command's start.
    const { PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
    const { command } = await PulumiCommand.install({ root: folder, version: new semver.SemVer(cliVersion) });
    const origin = `downloaded, ${cliVersion}`;
    return {
      cli: { path: command, origin },
      languageHost: { path: join(dirname(command), "pulumi-language-nodejs"), origin },
    };
  } catch (error) {
    say(`the download failed (${error instanceof Error ? error.message : String(error)})`);
    return undefined;
  }
}

async function downloadProvider(cli: string): Promise<Part | undefined> {
  const path = join(ownHome, providerPath);
  say(`downloading the command provider ${providerVersion} (usually 10 seconds)`);
  const { failed, all } = await execa(cli, ["plugin", "install", "resource", "command", providerVersion], {
    reject: false,
    all: true,
    timeout: 120_000,
    env: { PULUMI_HOME: ownHome, PULUMI_SKIP_UPDATE_CHECK: "true" },
  });
  if (!failed && (await executable(path))) return { path, origin: `downloaded, ${providerVersion}` };
  say(`the download failed (${all.split("\n").at(-1) ?? ""})`);
  return undefined;
}

/** Builds the CLI from its Go module, once per content of that module and for all checkouts. */
async function buildCli(): Promise<string> {
  const content = createHash("sha256");
  for (const name of ["go.mod", "go.sum"]) content.update(await readFile(join(goModule, name)));
  const folder = join(shared, `pulumi-cli-${cliVersion}-${content.digest("hex").slice(0, 12)}`);
  const path = join(folder, "pulumi");
  if (await executable(path)) return path;
  const go = await execa("go", ["version"], { reject: false });
  if (go.failed) {
    throw new UserError(
      "there is no Pulumi CLI, the download site is out of reach, and without Go it cannot be built;" +
        " install Go 1.21 or newer (https://go.dev/dl) or the Pulumi CLI (https://www.pulumi.com/docs/iac/download-install)",
    );
  }
  await mkdir(folder, { recursive: true });
  const unfinished = join(folder, `pulumi.${process.pid}`);
  const version = `github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${cliVersion}`;
  const build = ["build", "-v", "-tags", "osusergo,grpcnotrace", "-ldflags", `-s -w -X ${version}`];
  await step({
    what: `building the Pulumi CLI ${cliVersion} from its Go module`,
    usually: "5–10 minutes the first time on two cores",
    command: ["go", ...build, "-o", unfinished, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"],
    cwd: goModule,
  });
  await rename(unfinished, path);
  return path;
}

/** Puts the built CLI next to our language host, where the engine looks for one without a warning. */
async function besideStandIns(built: string): Promise<Part> {
  const path = join(local, "bin", "pulumi");
  await mkdir(dirname(path), { recursive: true });
  await link(built, path).catch(() => copyFile(built, path));
  return { path, origin: `built from its Go module, ${cliVersion}` };
}

/** Writes an executable that runs one of our TypeScript stand-ins under this checkout's Node. */
async function standIn(path: string, entry: string): Promise<Part> {
  await mkdir(dirname(path), { recursive: true });
  const text = `#!/bin/sh\nexec '${process.execPath}' '${join(standIns, entry)}' "$@"\n`;
  await writeFile(path, text);
  await chmod(path, 0o755);
  return { path, origin: "own stand-in, toolchain/engine" };
}

async function decide(): Promise<Toolchain> {
  let cli = await ownCli();
  let languageHost = await ownLanguageHost();
  const provider = await ownProvider();
  let commandProvider: Part | undefined = provider;
  if (process.env[realHomeVariable] !== undefined && !(cli && languageHost && commandProvider)) {
    throw new UserError(
      `${realHomeVariable}=${process.env[realHomeVariable]} must hold bin/pulumi (${cliRange}),` +
        ` bin/pulumi-language-nodejs and ${providerPath}`,
    );
  }
  if (!(cli && languageHost && commandProvider)) {
    if (await reachable()) {
      if (cli === undefined) {
        const downloaded = await downloadCli();
        cli = downloaded?.cli;
        languageHost ??= downloaded?.languageHost;
      }
      if (cli !== undefined) commandProvider ??= await downloadProvider(cli.path);
    } else {
      say(
        `Pulumi's download site did not answer within ${reachTimeout / 1000} s; using the package registries`,
      );
    }
  }
  cli ??= await besideStandIns(await buildCli());
  languageHost ??= await standIn(join(local, "bin", "pulumi-language-nodejs"), "language-host.ts");
  commandProvider ??= await standIn(join(ownHome, providerPath), "command-provider.ts");
  return { cli, languageHost, commandProvider, home: provider?.home ?? ownHome };
}

/** What the decision rests on: while it is the same, and its parts are there, nothing is asked again. */
async function ground(): Promise<string> {
  const candidates = [...(await find("pulumi")), ...(await find("pulumi-language-nodejs"))];
  const provider = await ownProvider();
  if (provider !== undefined) candidates.push(provider.path);
  const stamps = await Promise.all(candidates.map(async (path) => `${path} ${(await stat(path)).mtimeMs}`));
  return JSON.stringify([standIns, process.execPath, cliVersion, providerVersion, homes(), stamps]);
}

/**
 * The toolchain to run with. Decided once; later calls only look whether the decision still stands.
 * @throws UserError when a part can neither be found nor made.
 */
export async function ensureToolchain(): Promise<Toolchain> {
  const record = join(local, "toolchain.json");
  const key = await ground();
  const known = await readFile(record, "utf8").then(
    (text) => JSON.parse(text) as { key: string; toolchain: Toolchain },
    () => undefined,
  );
  if (known?.key === key) {
    const { cli, languageHost, commandProvider } = known.toolchain;
    const there = await Promise.all([cli, languageHost, commandProvider].map(({ path }) => executable(path)));
    if (there.every(Boolean)) return known.toolchain;
  }
  await rm(join(local, "bin"), { recursive: true, force: true });
  await rm(ownHome, { recursive: true, force: true });
  const toolchain = await decide();
  if (toolchain.home === ownHome) await keepNoLogs();
  await mkdir(local, { recursive: true });
  await writeFile(record, JSON.stringify({ key, toolchain }));
  return toolchain;
}

/**
 * The CLI keeps in its home all that it and its plug-ins say to each other: some 5 MB a run, which take a tenth of a run
 * without changes, and which it has no setting for. It goes on without where it cannot make the folder; with `-v` and
 * `--logtostderr` it still tells everything. In a home of the user's own it keeps what it likes.
 */
async function keepNoLogs(): Promise<void> {
  const path = join(ownHome, "logs");
  await rm(path, { recursive: true, force: true });
  await mkdir(ownHome, { recursive: true });
  await writeFile(path, "A file instead of a folder: the Pulumi CLI keeps no logs here.\n");
}

/** The decision in one line, for standard error. */
export function describe({ cli, languageHost, commandProvider }: Toolchain): string {
  return `Pulumi CLI: ${cli.origin}; language host: ${languageHost.origin}; command provider: ${commandProvider.origin}`;
}
