import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export interface Dependency {
  readonly name: string;
  readonly version: string;
}

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** The version of this project's Pulumi SDK; the real host is released with the same version. */
export function sdkVersion(): string {
  const path = createRequire(import.meta.url).resolve("@pulumi/pulumi/package.json");
  return readManifest(path)?.version ?? "0.0.0";
}

/** The installed versions of the direct dependencies of a program's package. */
export function dependenciesOf(programDirectory: string): Dependency[] {
  const root = packageRootOf(programDirectory);
  const manifest = root === undefined ? undefined : readManifest(join(root, "package.json"));
  if (root === undefined || manifest === undefined) {
    throw new Error(`no package.json found (searching upwards from ${programDirectory})`);
  }
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).flatMap((name) => {
    const version = readManifest(join(root, "node_modules", name, "package.json"))?.version;
    return version === undefined ? [] : [{ name, version }];
  });
}

function packageRootOf(directory: string): string | undefined {
  if (readManifest(join(directory, "package.json")) !== undefined) {
    return directory;
  }
  const parent = dirname(directory);
  return parent === directory ? undefined : packageRootOf(parent);
}

function readManifest(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Manifest;
  } catch {
    return undefined;
  }
}
