/** Checks the web pages for people: the management UI and HAProxy's statistics. */
import { fetchStatsPage } from "./balancers.ts";
import { fail, type Finding, runCheck, type Verdict, pass } from "../finding.ts";
import { request } from "../http.ts";
import type { System } from "../outputs.ts";
import { keepalivedServiceNames } from "./resources.ts";
import { brokerPluginsName, brokerServiceName, haproxyServiceName } from "../../hosts/resource-names.ts";

async function checkManagementPage(url: string, ...resourcesToRerun: readonly string[]): Promise<Verdict> {
  const response = await request(url);
  const text = await response.text();
  if (response.status !== 200)
    return fail(`HTTP ${response.status} for ${url}, expected 200`, ...resourcesToRerun);
  if (!text.includes("<title>RabbitMQ Management"))
    return fail(`${url} is not RabbitMQ's management UI`, ...resourcesToRerun);
  return pass(`management UI at ${url}`);
}

export async function examineConsoles(system: System): Promise<Finding[]> {
  const address = keepalivedServiceNames(system);
  return Promise.all([
    runCheck("console", "virtual address", address, () =>
      checkManagementPage(system.managementUrl, ...address),
    ),
    ...system.brokers.map(({ name, url }) =>
      runCheck("console", name, [brokerServiceName(name)], () =>
        checkManagementPage(url, brokerPluginsName(name)),
      ),
    ),
    ...system.balancers.map((balancer) =>
      runCheck("console", balancer.name, [haproxyServiceName(balancer.name)], async () => {
        const page = await fetchStatsPage(balancer, system);
        if (page.includes("Statistics Report for HAProxy")) return pass(`statistics at ${balancer.url}`);
        return fail(`${balancer.url} is not HAProxy's statistics page`, haproxyServiceName(balancer.name));
      }),
    ),
  ]);
}
