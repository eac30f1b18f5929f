/** The environment in which the figures were measured. */
import { cpus, totalmem } from "node:os";
import type { System } from "../../verify/outputs.ts";
import { describeLoad, type LoadSettings } from "./load.ts";
import { runOn } from "./host-actions.ts";

const versionsCommand = (packages: string): string =>
  "dpkg-query -W -f '${Package} ${Version}\\n' " + packages;

/** @returns the version of RabbitMQ that the first broker runs, such as 3.10.8 */
export async function readRabbitmqVersion({ brokers }: System): Promise<string> {
  const version = (await runOn(brokers[0]?.name ?? "", "rabbitmqctl -q version </dev/null")).trim();
  if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`no version of RabbitMQ: ${version}`);
  return version;
}

/** @returns computer, versions and settings, and load, a line each */
export async function describeEnvironment(system: System, load: LoadSettings): Promise<readonly string[]> {
  const { brokers, balancers } = system;
  const [broker, balancer] = [brokers[0]?.name ?? "", balancers[0]?.name ?? ""];
  const onBroker = await runOn(
    broker,
    `${versionsCommand("rabbitmq-server erlang-base")}
     echo "net_ticktime $(rabbitmqctl -q eval 'net_kernel:get_net_ticktime().' </dev/null) s"`,
  );
  const onBalancer = await runOn(balancer, versionsCommand("haproxy keepalived"));
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return [
    `${processors.length} cores (${processors[0]?.model.trim() ?? "unknown"}), ${memory} GiB, all hosts and all clients`,
    [onBroker, onBalancer].join("\n").trim().split(/\n+/).join(", "),
    describeLoad(load, system),
  ];
}
