import { readdirSync, readFileSync } from "node:fs";

/**
 * Kills a process and all that it started.
 *
 * The real provider kills the shell alone and then waits for whoever holds its output; a `sleep`
 * below a shell keeps it waiting. Here the whole tree goes, so that a cancelled update ends.
 */
export function killTree(pid: number | undefined): void {
  if (pid === undefined) {
    return;
  }
  for (const member of [pid, ...descendantsOf(pid)]) {
    try {
      process.kill(member, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
}

function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const [child, parent] of parents()) {
    children.set(parent, [...(children.get(parent) ?? []), child]);
  }
  const found: number[] = [];
  for (
    let wave = children.get(pid) ?? [];
    wave.length > 0;
    wave = wave.flatMap((each) => children.get(each) ?? [])
  ) {
    found.push(...wave);
  }
  return found;
}

/** Each process with its parent, from Linux's /proc; elsewhere nothing is known. */
function parents(): [number, number][] {
  const known: [number, number][] = [];
  let entries: string[];
  try {
    entries = readdirSync("/proc");
  } catch {
    return known;
  }
  for (const entry of entries) {
    if (!/^\d+$/.test(entry)) {
      continue;
    }
    try {
      // pid (name) state parent …; the name may hold spaces and brackets.
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      known.push([Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])]);
    } catch {
      // It ended while we looked.
    }
  }
  return known;
}
