import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { archiveOf, assetOf, type WireMap } from "./wire.ts";

/**
 * The files below `dir` that the globs select, as assets by relative path. A glob that starts with
 * `!` excludes files that earlier ones selected.
 */
export async function assetsOfPaths(dir: string, globs: readonly string[]): Promise<WireMap> {
  const assets: WireMap = {};
  for (const path of await selectFiles(dir, globs)) {
    const file = join(dir, path);
    assets[path] = assetOf(
      file,
      createHash("sha256")
        .update(await readFile(file))
        .digest("hex"),
    );
  }
  return assets;
}

/** The same files as one archive. Its hash is that of a tar file with Go's headers, as in the engine. */
export async function archiveOfPaths(dir: string, globs: readonly string[]): Promise<WireMap> {
  const assets = await assetsOfPaths(dir, globs);
  const hash = createHash("sha256");
  for (const path of Object.keys(assets).sort()) {
    const content = await readFile(join(dir, path));
    hash.update(tarHeader(path, content.length));
    hash.update(content);
    hash.update(Buffer.alloc((TAR_BLOCK_BYTES - (content.length % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES));
  }
  hash.update(Buffer.alloc(2 * TAR_BLOCK_BYTES));
  return archiveOf(assets, hash.digest("hex"));
}

async function selectFiles(dir: string, globs: readonly string[]): Promise<string[]> {
  const rules = globs.map((glob) => ({
    exclude: glob.startsWith("!"),
    pattern: globToRegExp(glob.replace(/^!/, "")),
  }));
  const files = await listFilesBelow(dir, "");
  return files.filter((path) => {
    let chosen = false;
    for (const { exclude, pattern } of rules) {
      if (pattern.test(path)) {
        chosen = !exclude;
      }
    }
    return chosen;
  });
}

async function listFilesBelow(dir: string, prefix: string): Promise<string[]> {
  const entries = await readdir(join(dir, prefix), { withFileTypes: true });
  const nested = entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(async (entry) => {
      const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
      return entry.isDirectory() ? await listFilesBelow(dir, path) : [path];
    });
  return (await Promise.all(nested)).flat();
}

/** Globs of github.com/gobwas/glob with `/` as the separator. */
function globToRegExp(glob: string): RegExp {
  let source = "";
  let depth = 0;
  for (let index = 0; index < glob.length; index++) {
    const character = glob.charAt(index);
    if (character === "*") {
      const double = glob[index + 1] === "*";
      source += double ? ".*" : "[^/]*";
      index += double ? 1 : 0;
    } else if (character === "?") {
      source += "[^/]";
    } else if (character === "[" && glob.includes("]", index)) {
      const end = glob.indexOf("]", index);
      source += `[${glob
        .slice(index + 1, end)
        .replace(/^!/, "^")
        .replaceAll("\\", "\\\\")}]`;
      index = end;
    } else if (character === "{") {
      source += "(?:";
      depth++;
    } else if (character === "}" && depth > 0) {
      source += ")";
      depth--;
    } else if (character === "," && depth > 0) {
      source += "|";
    } else {
      const literal = character === "\\" ? glob.charAt(++index) : character;
      source += literal.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    }
  }
  return new RegExp(`^${source}$`, "su");
}

const TAR_BLOCK_BYTES = 512;

/** The header that Go's archive/tar writes for a regular file with mode 0600 and no times. */
function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(TAR_BLOCK_BYTES);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, "0")}\0`;
  header.write(name, 0, 100);
  header.write(octal(0o600, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(0, 12), 100);
  header.write("        0", 148);
  header.write("ustar\x0000", 257);
  header.write(octal(0, 8) + octal(0, 8), 329);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
