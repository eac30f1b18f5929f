import { readdirSync, readFileSync } from "node:fs";

/**
 * Kills a process and all its descendants.
 *
 * The real provider kills the shell alone and then waits for every process that holds its output; a
 * `sleep` below a shell keeps it waiting. Here the whole tree is killed, so that a cancelled update ends.
 */
export function killTree(pid: number | undefined): void {
  if (pid === undefined) {
    return;
  }
  for (const member of [pid, ...findDescendants(pid)]) {
    try {
      process.kill(member, "SIGKILL");
    } catch {
      // It has already ended.
    }
  }
}

function findDescendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const [child, parent] of listParents()) {
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

/** The process ID and parent ID of each process, from Linux's /proc; empty on other systems. */
function listParents(): [number, number][] {
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
      // It ended in the meantime.
    }
  }
  return known;
}
