/** `npm run bench`: the program beside a plain SSH script and an Ansible playbook, and what its system can take. */
import { bench } from "../testbed/bench/bench.ts";
import type { Pulumi } from "./pulumi.ts";

export async function run(_: Pulumi, args: readonly string[]): Promise<number> {
  return bench(args);
}
