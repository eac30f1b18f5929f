/** The plain SSH script in bench/script. */
import { join } from "node:path";
import { bare, networkOf } from "./bare.ts";
import { run } from "./command.ts";
import { site, sweep } from "./site.ts";
import { largest, patience, type Surroundings, type Tool } from "./tool.ts";

const prefix = "sh";
const net = 71;
export const folder = join(import.meta.dirname, "script");

export function script(surroundings: Surroundings): Tool {
  const { signal } = surroundings;
  return {
    name: "SSH script",
    sweep: async () => {
      await sweep(site(prefix, net, largest), networkOf(prefix));
    },
    open: async (size) => {
      const { site: at, env, remove } = await bare(prefix, net, size, surroundings);
      return {
        site: at,
        remove,
        make: async () => (await run([join(folder, "up.sh")], { env, deadline: patience, signal })).seconds,
        // It runs on new hosts only.
        changes: [],
      };
    },
  };
}
