import { open, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Client, SFTPWrapper } from "ssh2";
import type { CopyInputs } from "./copy-source.ts";
import { dial } from "./dial.ts";
import { errnoText, codeOf, messageOf } from "./go-text.ts";
import type { OperationContext } from "./operation.ts";
import { isMap } from "./wire.ts";

export async function copyToRemote(inputs: CopyInputs, context: OperationContext): Promise<void> {
  const path = isMap(inputs.source) ? inputs.source["path"] : undefined;
  if (typeof path !== "string") {
    throw new Error("open : no such file or directory");
  }
  await context.log.debug(
    context.urn,
    `Creating file: ${inputs.connection.host}:${inputs.remotePath} from local file ${path}`,
  );
  const clients = await dial(inputs.connection, {
    signal: context.signal,
    status: (line) => context.log.status(context.urn, line),
  });
  try {
    const client = clients[0];
    if (client !== undefined) {
      await new Upload(await sftpOf(client)).send(path, inputs.remotePath);
    }
  } finally {
    clients.forEach((client) => client.end());
  }
}

function sftpOf(client: Client): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => {
      if (error === undefined) {
        resolve(sftp);
      } else {
        reject(new Error("ssh: subsystem request failed"));
      }
    });
  });
}

type RemoteKind = "directory" | "other" | "missing";

class Upload {
  readonly #sftp: SFTPWrapper;

  constructor(sftp: SFTPWrapper) {
    this.#sftp = sftp;
  }

  /**
   * Copies a file or folder. A folder named without a slash at its end goes below the destination
   * under its own name, one with a slash gives its content; a file goes into an existing folder.
   */
  async send(source: string, destination: string): Promise<void> {
    const isDirectory = await localIsDirectory(source);
    const kind = await this.#kindOf(destination);
    if (!isDirectory) {
      await this.#file(source, kind === "directory" ? join(destination, basename(source)) : destination);
      return;
    }
    if (kind === "missing") {
      await this.#makeDirectory(destination);
    }
    if (source.endsWith("/")) {
      await this.#tree(source, destination);
      return;
    }
    const below = join(destination, basename(source));
    await this.#ensureDirectory(below);
    await this.#tree(source, below);
  }

  async #tree(source: string, destination: string): Promise<void> {
    await this.#ensureDirectory(destination);
    const entries = await readdir(source, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const from = join(source, entry.name);
      const to = join(destination, entry.name);
      await (entry.isDirectory() ? this.#tree(from, to) : this.#file(from, to));
    }
  }

  async #file(source: string, destination: string): Promise<void> {
    const local = await open(source).catch((error: unknown) => {
      throw new Error(`open ${source}: ${errnoText(codeOf(error)) ?? messageOf(error)}`);
    });
    await local.close();
    await new Promise<void>((resolve, reject) => {
      this.#sftp.fastPut(source, destination, (error) => {
        if (error) {
          reject(new Error(`failed to create remote file ${destination}: ${sftpText(error)}`));
        } else {
          resolve();
        }
      });
    });
  }

  async #ensureDirectory(path: string): Promise<void> {
    const kind = await this.#kindOf(path);
    if (kind === "other") {
      throw new Error(`remote path ${path} exists but is not a directory`);
    }
    if (kind === "missing") {
      await this.#makeDirectory(path);
    }
  }

  #makeDirectory(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sftp.mkdir(path, (error) => {
        if (error) {
          reject(new Error(`failed to create remote directory ${path}: ${sftpText(error)}`));
        } else {
          resolve();
        }
      });
    });
  }

  #kindOf(path: string): Promise<RemoteKind> {
    return new Promise((resolve, reject) => {
      this.#sftp.stat(path, (error, stats) => {
        if (!error) {
          resolve(stats.isDirectory() ? "directory" : "other");
        } else if (isMissing(error)) {
          resolve("missing");
        } else {
          reject(new Error(`failed to stat remote path ${path}: ${sftpText(error)}`));
        }
      });
    });
  }
}

/** SSH_FX_NO_SUCH_FILE of the SFTP draft. */
const NO_SUCH_FILE = 2;
const PERMISSION_DENIED = 3;

function isMissing(error: Error): boolean {
  return "code" in error && error.code === NO_SUCH_FILE;
}

/** SFTP errors as github.com/pkg/sftp words them. */
function sftpText(error: Error): string {
  if (isMissing(error)) {
    return "file does not exist";
  }
  const denied = "code" in error && error.code === PERMISSION_DENIED;
  const code = "code" in error && typeof error.code === "number" ? error.code : 4;
  const name = code === 4 ? "SSH_FX_FAILURE" : `code ${String(code)}`;
  return denied ? "permission denied" : `sftp: ${JSON.stringify(error.message)} (${name})`;
}

async function localIsDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw new Error(`open ${path}: ${errnoText(codeOf(error)) ?? messageOf(error)}`);
  }
}
