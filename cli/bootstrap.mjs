/**
 * The first step of every npm script. It needs only Node 20 and npm. It installs the npm packages of the lockfile,
 * Node 24 among them, and runs the command under that Node. It is plain JavaScript because Node 20 cannot load
 * TypeScript.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = join(root, "node_modules", "node", "bin", "node");

/**
 * @param {string} path a lockfile, relative to the project's folder
 * @returns {Record<string, {version?: string, optional?: boolean}>} the packages it lists, by folder
 */
function lockedPackages(path) {
  /** @type {unknown} */
  const read = JSON.parse(readFileSync(join(root, path), "utf8"));
  const { packages = {} } =
    /** @type {{packages?: Record<string, {version?: string, optional?: boolean}>}} */ (read);
  delete packages[""];
  return packages;
}

/** @returns {boolean} whether node_modules holds the versions of package-lock.json, Node 24 included */
function isInstalled() {
  if (!existsSync(node) || !existsSync(join(root, "node_modules", ".package-lock.json"))) return false;
  const wanted = lockedPackages("package-lock.json");
  const found = lockedPackages(join("node_modules", ".package-lock.json"));
  return Object.entries(wanted).every(
    ([folder, { version, optional }]) => optional === true || found[folder]?.version === version,
  );
}

/** Runs `npm ci`, and prints a line every 20 s while it runs. */
function install() {
  process.stderr.write("set-up: installing the npm packages and Node 24 (usually 1–2 minutes)\n");
  const started = Date.now();
  const timer = setInterval(() => {
    process.stderr.write(
      `set-up: npm ci is still running after ${Math.round((Date.now() - started) / 1000)} s\n`,
    );
  }, 20_000);
  // Hides npm's engine warnings: they are about the Node that runs npm, and everything else runs under Node 24.
  const npm = spawn("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    env: { ...process.env, npm_config_update_notifier: "false" },
  });
  npm.once("error", (error) =>
    fail(`npm could not be started: ${error.message}; install npm and run this again`),
  );
  npm.once("exit", (code) => {
    clearInterval(timer);
    if (code !== 0) fail(`npm ci failed with exit code ${code}; see its output above`);
    if (!existsSync(node)) {
      fail(
        "npm did not install Node 24: the package `node` needs its install script, and an npm setting" +
          " (ignore-scripts) forbids it; allow it and run this again",
      );
    }
    run();
  });
}

/** Runs the command under Node 24, and ends with its exit code. */
function run() {
  const main = join(root, "cli", "main.ts");
  // With this cache of compiled code, this process and each of its children start in about two thirds of the time.
  const env = { NODE_COMPILE_CACHE: join(root, ".toolchain", "compiled"), ...process.env };
  const child = spawn(node, [main, ...process.argv.slice(2)], { cwd: root, stdio: "inherit", env });
  // Ctrl-C in a terminal reaches the whole process group. `kill` reaches only this process, which passes it on.
  process.on("SIGINT", () => undefined);
  for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP"]))
    process.on(signal, () => child.kill(signal));
  child.once("exit", (code, signal) => {
    if (signal !== null) process.exit(128 + (signal === "SIGINT" ? 2 : 15));
    process.exit(code ?? 1);
  });
}

/** @param {string} message what is wrong and what to do */
function fail(message) {
  process.stderr.write(`set-up: ${message}\n`);
  process.exit(1);
}

if (Number(process.versions.node.split(".")[0]) < 20) {
  fail(`Node ${process.versions.node} is too old; install Node 20 or newer`);
}
if (isInstalled()) run();
else install();
