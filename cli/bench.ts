/** `npm run bench`: compares the program with an SSH script and an Ansible playbook, and measures its system. */
import { runBench } from "../testbed/bench/bench.ts";
import type { PulumiCli } from "./run-pulumi.ts";

export async function run(_: PulumiCli, args: readonly string[]): Promise<number> {
  return runBench(args);
}
