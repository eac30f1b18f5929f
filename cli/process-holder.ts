/** Whether a process that has left its number behind still runs. */
import { readFileSync } from "node:fs";

/**
 * @param isMeant judges a process's command line, whose words end with NUL
 * @returns false if there is no such process, it has ended, or it is not the one that is meant; true also if that cannot be
 * told, as on a system without /proc
 */
export function mayRun(pid: number, isMeant: (commandLine: string) => boolean): boolean {
  if (!exists(pid)) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // proc_pid_stat(5): the state follows the name, which may hold anything, and Z and X are those that have ended.
    if (/^ [ZX]/.test(stat.slice(stat.lastIndexOf(")") + 1))) return false;
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    // It is empty while another program takes the process over.
    return commandLine === "" || isMeant(commandLine);
  } catch {
    return exists(pid);
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
