/** Messages about machines, or their bastion, that could not be probed. */
import { firstLine, type Login, type SshError } from "../../../remote/ssh.ts";
import { fingerprint } from "../../ssh-keys.ts";
import { isProbeLine, type SudoDenied, type ProbeResult } from "./probe.ts";
import { machineLabel } from "./probe-target.ts";

/** @returns one line, which is the same for all machines if it is about the bastion; none if the probe succeeded */
export function probeFailureLines({ machine, outcome }: ProbeResult, stack: string): string[] {
  const { login } = machine;
  if (outcome instanceof Error) {
    const { proxy } = login;
    if (outcome.isBastion && proxy !== undefined)
      return [`the bastion (${proxy.host}): ${sshErrorMessage(outcome, proxy, stack)}`];
    return [`${machineLabel(machine)}: ${sshErrorMessage(outcome, login, stack)}`];
  }
  return "sudo" in outcome ? [`${machineLabel(machine)}: ${sudoDeniedMessage(outcome, login)}`] : [];
}

function sudoDeniedMessage({ sudo }: SudoDenied, { user }: Login): string {
  if (sudo.includes("must have a tty")) {
    return (
      `sudo lets the user ${user} become root only from a terminal (${sudo}); ` +
      `put Defaults:${user} !requiretty into a file of /etc/sudoers.d, or set existing.user`
    );
  }
  if (sudo.includes("command not found")) {
    return `the user ${user} is not root, and there is no sudo; install it, or set existing.user to root`;
  }
  return (
    `the user ${user} is not root and cannot become root by sudo without a password (${sudo}); ` +
    `allow it (${user} ALL=(ALL) NOPASSWD: ALL in /etc/sudoers.d, and Defaults:${user} !requiretty), or set existing.user`
  );
}

function sshErrorMessage(error: SshError, login: Login, stack: string): string {
  const { port, user } = login;
  const refusal = refusalMessage(error, user);
  if (refusal !== undefined) return refusal;
  switch (error.reason) {
    case "closed":
      return (
        `${error.message}; its sshd, or fail2ban there, refuses this computer for now: wait some minutes, or raise ` +
        "MaxStartups and PerSourceMaxStartups in its sshd_config, and exempt this computer in PerSourcePenaltyExemptList"
      );
    case "unreachable":
      return `cannot be reached by SSH: ${error.message}; start it and its sshd, or correct the address or the port ${port}`;
    case "timeout":
      return `${error.message}; start it, let the firewall pass port ${port}, or correct the address`;
    case "slow":
      return `${error.message}; find out what makes it slow, such as load, a dead mount or a name server that does not answer`;
    case "key":
      return `refuses the SSH key for the user ${user}; add it to that user's ~/.ssh/authorized_keys there, or set another user or key`;
    case "host-key":
      return hostKeyMessage(error, login, stack);
    case "forwarding":
      return (
        `${error.message} for the user ${user}; allow it in its sshd_config (AllowTcpForwarding, PermitOpen), ` +
        "and in the options of the key in ~/.ssh/authorized_keys there"
      );
    case "command":
      return `could not be probed: ${error.message}; the user ${user} must be able to run bash there`;
  }
}

/**
 * @returns that the host runs something else in place of the probe, such as the forced command that cloud images have
 * for root's key; undefined if it has not said so
 */
function refusalMessage({ said }: SshError, user: string): string | undefined {
  const line = firstLine(said);
  if (line === "" || said.split("\n").some(isProbeLine)) return undefined;
  const wanted = /log ?in as the user "?([\w.-]+)"?/i.exec(line)?.[1];
  const remedy = wanted === undefined || wanted === user ? "one who may run commands there" : wanted;
  return `runs no command for the user ${user} (it says: ${line}); set existing.user to ${remedy}`;
}

function hostKeyMessage({ shownHostKey, pinnedHostKey }: SshError, login: Login, stack: string): string {
  const { host, port, hostKey } = login;
  if (pinnedHostKey === undefined)
    return "has neither an ed25519 nor an ecdsa host key; make one there: ssh-keygen -A, and restart its sshd";
  const pinned = fingerprint(pinnedHostKey);
  const difference =
    shownHostKey === undefined
      ? `has no host key of the pinned one's kind, ${pinnedHostKey.trim().split(/\s+/)[0] ?? ""} (${pinned})`
      : `shows the host key ${fingerprint(shownHostKey)}, and ${pinned} is pinned`;
  const scan = `ssh-keyscan -t ed25519,ecdsa${port === 22 ? "" : ` -p ${port}`} ${host}`;
  const remedy =
    hostKey === undefined
      ? `pin it: npm run up -- --new-host-key ${host} --stack ${stack}`
      : `pin it in existing.hostKeys: ${scan}`;
  return `${difference}; if the new key is right, ${remedy}`;
}
