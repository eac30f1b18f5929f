/** Host keys as ssh-keyscan and known_hosts have them. */
import ssh2 from "ssh2";

/** From a host's name or address, as it stands there, to its key as a line of authorized_keys. */
export type HostKeys = Readonly<Record<string, string>>;

/** The kinds that can be pinned, the best first: the provider asks for an RSA key by SHA-1, which servers refuse. */
const kinds = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"];

/**
 * @param text lines of `NAME[,NAME] KIND KEY`, a name in brackets with a port after it where that is not 22; comments
 *   and empty lines count for nothing
 * @returns of each name the key of the best kind; a fault where a line is none, or where all keys are of other kinds
 */
export function parseHostKeys(text: string): { readonly keys: HostKeys; readonly fault?: string } {
  const best = new Map<string, { readonly rank: number; readonly line: string }>();
  const others = new Set<string>();
  for (const line of text.split("\n").map((each) => each.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const [names = "", kind = "", key = ""] = line.split(/\s+/);
    if (names.startsWith("|")) {
      return { keys: {}, fault: "has hashed names; write what ssh-keyscan prints without -H" };
    }
    if (ssh2.utils.parseKey(`${kind} ${key}`) instanceof Error) {
      const words = `${names} ${kind}`.trim();
      return { keys: {}, fault: `has a line that is no host key (${words}); write what ssh-keyscan prints` };
    }
    const rank = kinds.indexOf(kind);
    for (const name of names.split(",").map(bare)) {
      if (rank < 0) others.add(name);
      else if (rank < (best.get(name)?.rank ?? kinds.length))
        best.set(name, { rank, line: `${kind} ${key}` });
    }
  }
  const lacking = [...others].filter((name) => !best.has(name));
  const keys = Object.fromEntries([...best].map(([name, { line }]) => [name, line]));
  if (lacking.length === 0) return { keys };
  const fault = `has neither an ed25519 nor an ecdsa key of ${lacking.join(", ")}; write one: ssh-keyscan -t ed25519,ecdsa`;
  return { keys, fault };
}

/** `[10.0.0.5]:2222` → `10.0.0.5` */
function bare(name: string): string {
  return /^\[(.+)\]:\d+$/.exec(name)?.[1] ?? name;
}
