import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import type { KeyPair } from "./ssh-keys.ts";

export interface Agent {
  readonly path: string;
  readonly stop: () => Promise<void>;
}

/** Starts an SSH agent with one key, on a socket in its own folder. */
export async function startAgent(pair: KeyPair): Promise<Agent> {
  const key = ssh2.utils.parseKey(pair.private);
  if (key instanceof Error) {
    throw key;
  }
  const folder = mkdtempSync(join(tmpdir(), "ssh-agent-"));
  const path = join(folder, "agent.sock");
  const server = createServer((socket) => {
    const agent = new ssh2.AgentProtocol(false);
    agent.on("identities", (request) => {
      agent.getIdentitiesReply(request, [key]);
    });
    agent.on("sign", (request, _publicKey, data, { hash }) => {
      agent.signReply(request, key.sign(data, hash));
    });
    agent.on("error", () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.pipe(agent).pipe(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  return {
    path,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        rmSync(folder, { recursive: true, force: true });
      }),
  };
}
