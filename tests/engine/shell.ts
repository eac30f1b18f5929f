import { spawn, type ChildProcess } from "node:child_process";
import type { ServerChannel } from "ssh2";

/** Runs a command for an SSH session and reports its exit to the client, as OpenSSH's server does. */
export function runInShell(
  command: string,
  channel: ServerChannel,
  cwd: string,
  environment: Readonly<Record<string, string>>,
): ChildProcess {
  // Node's pipes to a child are sockets. A bash whose input is a socket assumes an rshd session and reads
  // the user's .bashrc.
  const child = spawn("bash", ["--norc", "-c", command], {
    cwd,
    env: { PATH: process.env["PATH"], ...environment },
  });
  channel.stdin.pipe(child.stdin);
  child.stdin.on("error", () => undefined);
  child.stdout.pipe(channel.stdout, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  channel.on("error", () => undefined);
  channel.on("close", () => child.kill("SIGHUP"));
  child.on("close", (code, signal) => {
    if (signal === null) {
      channel.exit(code ?? 0);
    } else {
      channel.exit(signal.replace(/^SIG/, ""), false, "");
    }
    channel.end();
  });
  return child;
}
