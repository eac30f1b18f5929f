/** Reads host keys in the format of ssh-keyscan and known_hosts. */
import ssh2 from "ssh2";
import { hostKeyTypes } from "../hosts/host-key-types.ts";

/** From a host's name or address, as it is written there, to its key as a line of authorized_keys. */
export type HostKeys = Readonly<Record<string, string>>;

/**
 * @param text lines of `NAME[,NAME] TYPE KEY`, where a port other than 22 is written `[NAME]:PORT`; comments and empty lines
 *   are ignored
 * @returns for each name the key of the best type; a fault if a line is invalid, or if a name has keys of other types only
 */
export function parseHostKeys(text: string): { readonly keys: HostKeys; readonly fault?: string } {
  const best = new Map<string, { readonly rank: number; readonly line: string }>();
  const otherTypes = new Set<string>();
  for (const line of text.split("\n").map((each) => each.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const [names = "", type = "", key = ""] = line.split(/\s+/);
    if (names.startsWith("|")) {
      return { keys: {}, fault: "has hashed names; write what ssh-keyscan prints without -H" };
    }
    if (ssh2.utils.parseKey(`${type} ${key}`) instanceof Error) {
      const start = `${names} ${type}`.trim();
      return {
        keys: {},
        fault: `has a line that is not a host key (${start}); write what ssh-keyscan prints`,
      };
    }
    const rank = hostKeyTypes.indexOf(type);
    for (const name of names.split(",").map(withoutPort)) {
      if (rank < 0) otherTypes.add(name);
      else if (rank < (best.get(name)?.rank ?? hostKeyTypes.length))
        best.set(name, { rank, line: `${type} ${key}` });
    }
  }
  const namesWithoutKey = [...otherTypes].filter((name) => !best.has(name));
  const keys = Object.fromEntries([...best].map(([name, { line }]) => [name, line]));
  if (namesWithoutKey.length === 0) return { keys };
  const fault = `has neither an ed25519 nor an ecdsa key of ${namesWithoutKey.join(", ")}; write one that ssh-keyscan -t ed25519,ecdsa prints`;
  return { keys, fault };
}

/** `[10.0.0.5]:2222` → `10.0.0.5` */
function withoutPort(name: string): string {
  return /^\[(.+)\]:\d+$/.exec(name)?.[1] ?? name;
}
