/** Checks whether a running broker has the plug-ins and the tick time of the configuration. */
import { z } from "zod";
import { combineVerdicts, fail, needsOperator, type Verdict } from "../finding.ts";
import type { Expected } from "../outputs.ts";
import { brokerPluginsName } from "../../hosts/resource-names.ts";

/** What a node reports of itself, as part of its statistics: some seconds old, and absent until it has some. */
export const nodeSettings = z.object({
  /** Those of its file, read anew. */
  enabled_plugins: z.array(z.string()).optional().catch(undefined),
  /** What runs, plug-ins among it. */
  applications: z
    .array(z.object({ name: z.string() }))
    .optional()
    .catch(undefined),
  /** Erlang also says by words that the time is changing. */
  net_ticktime: z.unknown().optional(),
});
export type NodeSettings = Readonly<z.infer<typeof nodeSettings>>;

/** The columns of /api/nodes for it. */
export const nodeSettingsColumns = "enabled_plugins,applications,net_ticktime";

/**
 * Checks that a broker has exactly the configured plug-ins enabled, that they run, and that it counts the others as gone
 * after the configured time. What it does not say is no problem here: another check reports a broker without statistics.
 */
export function judgeSettings(
  name: string,
  { enabled_plugins: enabled, applications, net_ticktime: tickTime }: NodeSettings,
  { plugins, netTickTime }: Pick<Expected, "plugins" | "netTickTime">,
): Verdict {
  const resource = brokerPluginsName(name);
  const running = applications?.map((application) => application.name);
  const problems: Verdict[] = [];
  for (const plugin of plugins) {
    if (enabled?.includes(plugin) === false) problems.push(fail(`${plugin} is not enabled`, resource));
    else if (running?.includes(plugin) === false)
      problems.push(fail(`${plugin} is enabled and does not run`, resource));
  }
  for (const plugin of enabled ?? []) {
    if (!plugins.includes(plugin))
      problems.push(fail(`${plugin} is enabled and not in rabbitmq.plugins`, resource));
  }
  if (typeof tickTime === "number" && tickTime !== netTickTime) {
    const found = `it runs with a tick time of ${tickTime} s, expected ${netTickTime} s`;
    problems.push(needsOperator(found, restartAdvice(name)));
  }
  return combineVerdicts(problems, `plug-ins ${plugins.join(", ")}; tick time ${netTickTime} s`);
}

/** Only a restart makes a broker read its files again, and a repair never restarts a broker that serves. */
export function restartAdvice(name: string): string {
  return `restart rabbitmq-server on ${name}, once all other brokers serve`;
}
