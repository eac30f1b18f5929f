/** `npm run chaos`: breaks a lab of its own, one fault at a time, and says what each came to. */
import { faults } from "../testbed/chaos/faults/index.ts";
import { readOptions } from "../testbed/chaos/options.ts";
import { suite } from "../testbed/chaos/suite.ts";

export async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (!options.list) return suite(options);
  const width = Math.max(...faults.map(({ name }) => name.length));
  for (const { name, what } of faults) process.stdout.write(`${name.padEnd(width)}  ${what}\n`);
  return 0;
}
