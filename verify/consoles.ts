/** The pages that a person opens. */
import { statsPage } from "./balancers.ts";
import { broken, type Finding, look, type Verdict, whole } from "./finding.ts";
import { request } from "./http.ts";
import type { System } from "./outputs.ts";
import { addressServices } from "./resources.ts";
import { brokerPluginsName, brokerServiceName, haproxyServiceName } from "../hosts/resource-names.ts";

async function managementPage(url: string, ...rerun: readonly string[]): Promise<Verdict> {
  const response = await request(url);
  const text = await response.text();
  if (response.status !== 200) return broken(`HTTP ${response.status} for ${url}, expected 200`, ...rerun);
  if (!text.includes("<title>RabbitMQ Management"))
    return broken(`${url} is not RabbitMQ's management UI`, ...rerun);
  return whole(`management UI at ${url}`);
}

export async function examineConsoles(system: System): Promise<Finding[]> {
  const address = addressServices(system);
  return Promise.all([
    look("console", "virtual address", address, () => managementPage(system.managementUrl, ...address)),
    ...system.brokers.map(({ name, url }) =>
      look("console", name, [brokerServiceName(name)], () => managementPage(url, brokerPluginsName(name))),
    ),
    ...system.balancers.map((balancer) =>
      look("console", balancer.name, [haproxyServiceName(balancer.name)], async () => {
        const page = await statsPage(balancer, system);
        if (page.includes("Statistics Report for HAProxy")) return whole(`statistics at ${balancer.url}`);
        return broken(`${balancer.url} is not HAProxy's statistics page`, haproxyServiceName(balancer.name));
      }),
    ),
  ]);
}
