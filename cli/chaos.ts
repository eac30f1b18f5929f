/** `npm run chaos`: injects faults into a lab of its own, one at a time, and reports the effect of each. */
import { faults } from "../testbed/chaos/faults/index.ts";
import { readOptions } from "../testbed/chaos/options.ts";
import { runSuite } from "../testbed/chaos/suite.ts";
import { writeReports } from "../testbed/versions/documents.ts";

export async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.report) {
    await writeReports();
    return 0;
  }
  if (!options.list) return runSuite(options);
  const width = Math.max(...faults.map(({ name }) => name.length));
  for (const { name, description } of faults) process.stdout.write(`${name.padEnd(width)}  ${description}\n`);
  return 0;
}
