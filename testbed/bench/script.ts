/** The plain SSH script in testbed/bench/script. */
import { join } from "node:path";
import { bare, networkOf } from "./bare.ts";
import { run } from "./command.ts";
import { site, sweep } from "./site.ts";
import { haveChannels, largest, patience, type Surroundings, type Tool } from "./tool.ts";

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
      let channels = 2000;
      const { site: at, env, remove } = await bare(prefix, net, size, surroundings);
      return {
        site: at,
        remove,
        make: async () => (await run([join(folder, "up.sh")], { env, deadline: patience, signal })).seconds,
        changes: [
          {
            part: "rolling",
            what: "one setting of the brokers'",
            run: async () => {
              channels += 1;
              const how = { env: { ...env, LIMIT: String(channels) }, deadline: patience, signal };
              const { seconds } = await run([join(folder, "rolling.sh")], how);
              await haveChannels(at, channels);
              return seconds;
            },
          },
        ],
      };
    },
  };
}
