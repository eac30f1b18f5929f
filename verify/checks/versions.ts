/** Judges the versions of RabbitMQ and Erlang that the brokers run. */
import { z } from "zod";
import { seriesNameOf, seriesOf } from "../../hosts/rabbitmq-series.ts";
import { needsOperator, pass, type Verdict } from "../finding.ts";
import type { ManagementApi } from "../management.ts";

const overview = z.object({ rabbitmq_version: z.string(), erlang_version: z.string() });

export interface RunningVersion {
  readonly rabbitmq: string;
  readonly erlang: string;
}

export async function runningVersion(api: ManagementApi): Promise<RunningVersion> {
  const found = await api.get("/api/overview?columns=rabbitmq_version,erlang_version", overview);
  return { rabbitmq: found.rabbitmq_version, erlang: found.erlang_version };
}

/**
 * Checks that all brokers run the same version of RabbitMQ, as after a whole upgrade.
 * @param running by broker that answered
 */
export function judgeVersions(running: ReadonlyMap<string, RunningVersion>): Verdict {
  const brokers = Map.groupBy(running.keys(), (name) => running.get(name)?.rabbitmq ?? "");
  const erlang = [...new Set([...running.values()].map((each) => each.erlang))].join(" and ");
  if (brokers.size > 1) {
    const lists = [...brokers].map(([version, names]) => `${version} on ${names.join(", ")}`);
    return needsOperator(
      `the brokers run different versions: ${lists.join("; ")}`,
      "finish the upgrade: docs/rolling.md",
    );
  }
  const [version = ""] = brokers.keys();
  return pass(`RabbitMQ ${version} on Erlang ${erlang}${supportOf(version)}`);
}

function supportOf(version: string): string {
  const series = seriesOf(version);
  return series?.series === seriesNameOf(version) && series !== undefined
    ? `; community support until ${series.supportEnds}`
    : "";
}
