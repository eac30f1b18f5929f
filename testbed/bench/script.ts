/** The plain SSH script in testbed/bench/script. */
import { join } from "node:path";
import { prepareLab, networkName } from "./lab-setup.ts";
import { runCommand, type CommandArgs } from "./command.ts";
import { siteOf, removeSite } from "./site.ts";
import { checkChannelLimit, maxBrokers, toolTimeoutSeconds, type ToolContext, type Tool } from "./tool.ts";

const prefix = "sh";
const net = 71;
export const folder = join(import.meta.dirname, "script");

export function createScriptTool(surroundings: ToolContext): Tool {
  const { signal } = surroundings;
  return {
    name: "SSH script",
    removeLeftovers: async () => {
      await removeSite(siteOf(prefix, net, maxBrokers), networkName(prefix));
    },
    open: async (size) => {
      let channels = 2000;
      const { site: at, env, remove } = await prepareLab(prefix, net, size, surroundings);
      return {
        site: at,
        remove,
        create: async () =>
          (await runCommand([join(folder, "up.sh")], { env, timeoutSeconds: toolTimeoutSeconds, signal }))
            .seconds,
        changes: [
          {
            part: "rolling",
            what: "one setting of the brokers'",
            run: async () => {
              channels += 1;
              const how: CommandArgs = {
                env: { ...env, LIMIT: String(channels) },
                timeoutSeconds: toolTimeoutSeconds,
                signal,
              };
              const { seconds } = await runCommand([join(folder, "rolling.sh")], how);
              await checkChannelLimit(at, channels);
              return seconds;
            },
          },
        ],
      };
    },
  };
}
