/** Says what a migration does, with the time of day in UTC. */
export function report(line: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
}
