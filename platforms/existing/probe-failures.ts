/** Messages about machines, or their bastion, that could not be probed. */
import { createHash } from "node:crypto";
import type { Login, SshError } from "../../remote/ssh.ts";
import type { SudoDenied, ProbeResult } from "./probe.ts";

/** @returns one line, which is the same for all machines if it is about the bastion; none if the probe succeeded */
export function probeFailureLines({ machine: { name, address, login }, outcome }: ProbeResult): string[] {
  if (outcome instanceof Error) {
    const { proxy } = login;
    if (outcome.isBastion && proxy !== undefined)
      return [`the bastion (${proxy.host}): ${sshErrorMessage(outcome, proxy)}`];
    return [`${name} (${address}): ${sshErrorMessage(outcome, login)}`];
  }
  return "sudo" in outcome ? [`${name} (${address}): ${sudoDeniedMessage(outcome, login)}`] : [];
}

function sudoDeniedMessage({ sudo }: SudoDenied, { user }: Login): string {
  return (
    `the user ${user} is not root and cannot become root by sudo without a password (${sudo}); ` +
    `allow it (${user} ALL=(ALL) NOPASSWD: ALL in /etc/sudoers.d, and Defaults:${user} !requiretty), or set existing.user`
  );
}

function sshErrorMessage(error: SshError, login: Login): string {
  const { port, user } = login;
  switch (error.reason) {
    case "unreachable":
      return `cannot be reached by SSH: ${error.message}; start it and its sshd, or correct the address or the port ${port}`;
    case "timeout":
      return `${error.message}; start it, let the firewall pass port ${port}, or correct the address`;
    case "slow":
      return `${error.message}; find out what makes it slow, such as load, a dead mount or a name server that does not answer`;
    case "key":
      return `refuses the SSH key for the user ${user}; add it to that user's ~/.ssh/authorized_keys there, or set another user or key`;
    case "host-key":
      return `${hostKeyMessage(error, login)}; if the new key is right, pin it in existing.hostKeys: ${keyscanCommand(login, [login.host])}`;
    case "command":
      return `could not be probed: ${error.message}; the user ${user} must be able to run bash there`;
  }
}

function hostKeyMessage({ shownHostKey }: SshError, { hostKey = "" }: Login): string {
  const [kind = "", key = ""] = hostKey.trim().split(/\s+/);
  const pinned = fingerprint(Buffer.from(key, "base64"));
  return shownHostKey === undefined
    ? `has no host key of the pinned one's kind, ${kind} (${pinned})`
    : `shows the host key ${fingerprint(shownHostKey)}, and ${pinned} is pinned`;
}

/** @returns the fingerprint in the form of `ssh-keygen -l` */
function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** @returns the command that prints host keys in the form of existing.hostKeys */
export function keyscanCommand({ port }: Pick<Login, "port">, hosts: readonly string[]): string {
  return `ssh-keyscan -t ed25519,ecdsa${port === 22 ? "" : ` -p ${port}`} ${hosts.join(" ")}`;
}
