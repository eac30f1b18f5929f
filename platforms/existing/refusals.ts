/** Why a machine, or the bastion before it, could not be looked at, in words. */
import { createHash } from "node:crypto";
import type { Login, SshError } from "../../remote/ssh.ts";
import type { Denied, Look } from "./probe.ts";

/** @returns one line, the same for every machine where it is the bastion that it is about; none for one that was seen */
export function refusal({ machine: { name, address, login }, outcome }: Look): string[] {
  if (outcome instanceof Error) {
    const { proxy } = login;
    if (outcome.bastion && proxy !== undefined)
      return [`the bastion (${proxy.host}): ${why(outcome, proxy)}`];
    return [`${name} (${address}): ${why(outcome, login)}`];
  }
  return "sudo" in outcome ? [`${name} (${address}): ${denied(outcome, login)}`] : [];
}

function denied({ sudo }: Denied, { user }: Login): string {
  return (
    `the user ${user} is not root and cannot become root by sudo without a password (${sudo}); ` +
    `allow it (${user} ALL=(ALL) NOPASSWD: ALL in /etc/sudoers.d, and Defaults:${user} !requiretty), or set existing.user`
  );
}

function why(error: SshError, login: Login): string {
  const { port, user } = login;
  switch (error.reason) {
    case "unreachable":
      return `cannot be reached by SSH: ${error.message}; start it and its sshd, or correct the address or the port ${port}`;
    case "timeout":
      return `${error.message}; start it, let the firewall pass port ${port}, or correct the address`;
    case "slow":
      return `${error.message}; see what makes it slow: load, a dead mount, or a name server that is silent`;
    case "key":
      return `refuses the SSH key for the user ${user}; add it to that user's ~/.ssh/authorized_keys there, or set another user or key`;
    case "host-key":
      return `${hostKeys(error, login)}; if that is right, pin it anew in existing.hostKeys: ${keyscan(login, [login.host])}`;
    case "command":
      return `could not be looked at: ${error.message}; it has to run bash for the user ${user}`;
  }
}

function hostKeys({ shown }: SshError, { hostKey = "" }: Login): string {
  const [kind = "", key = ""] = hostKey.trim().split(/\s+/);
  const pinned = fingerprint(Buffer.from(key, "base64"));
  return shown === undefined
    ? `has no host key of the pinned one's kind, ${kind} (${pinned})`
    : `shows the host key ${fingerprint(shown)}, and ${pinned} is pinned`;
}

/** As `ssh-keygen -l` prints it. */
function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** @returns the command that prints host keys as existing.hostKeys takes them */
export function keyscan({ port }: Pick<Login, "port">, hosts: readonly string[]): string {
  return `ssh-keyscan -t ed25519,ecdsa${port === 22 ? "" : ` -p ${port}`} ${hosts.join(" ")}`;
}
