/** Checks the brokers' status on each balancer's statistics page. */
import {
  fail,
  type Finding,
  runCheck,
  RefusalError,
  needsOperator,
  type Verdict,
  combineVerdicts,
} from "../finding.ts";
import { request } from "../http.ts";
import type { Balancer, System } from "../outputs.ts";
import { brokerAgentName, haproxyServiceName } from "../../hosts/resource-names.ts";

/** The proxies that every stack has. */
const usualProxies = ["rabbitmq_cluster", "rabbitmq_management"];

export interface Server {
  readonly proxy: string;
  readonly name: string;
  /** As HAProxy reports it: `UP`, `UP 1/2` (checks have begun to fail), `DOWN`, `MAINT` and others. */
  readonly status: string;
  /** What the last agent check gave, such as `L7OK` or `L4CON`; absent where there is none. */
  readonly agentStatus?: string;
}

/** @returns the fields of one CSV line; a quoted field may contain commas, and quotes written twice */
function splitCsvLine(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'),
  );
}

/**
 * @param csv HAProxy's statistics (management guide, section 9.1); the header line begins with `# `
 * @returns the servers, without HAProxy's summary rows FRONTEND and BACKEND
 * @throws Error when the text is not HAProxy's statistics
 */
export function parseServers(csv: string): Server[] {
  const [header = "", ...lines] = csv.split(/\r?\n/).filter((line) => line !== "");
  const columns = splitCsvLine(header.replace(/^# /, ""));
  const [proxy, name, status] = ["pxname", "svname", "status"].map((column) => columns.indexOf(column));
  if (!header.startsWith("# ") || [proxy, name, status].some((index) => index === undefined || index < 0)) {
    throw new Error("the answer is not HAProxy's statistics");
  }
  const agentStatus = columns.indexOf("agent_status");
  return lines
    .map(splitCsvLine)
    .map((row) => ({
      proxy: row[proxy ?? -1] ?? "",
      name: row[name ?? -1] ?? "",
      status: row[status ?? -1] ?? "",
      ...((row[agentStatus] ?? "") === "" ? {} : { agentStatus: row[agentStatus] ?? "" }),
    }))
    .filter((server) => server.name !== "FRONTEND" && server.name !== "BACKEND");
}

/** A server with `UP 1/2` still serves; one with `DOWN 1/2` does not serve yet. */
function isUp(status: string): boolean {
  return /^UP\b/.test(status);
}

/** Checks that all proxies have exactly the given brokers as servers, all of them up. */
export function judgeServers(
  servers: readonly Server[],
  brokers: readonly string[],
  balancer: string,
  proxies: readonly string[] = usualProxies,
): Verdict {
  const problems: Verdict[] = [];
  const service = haproxyServiceName(balancer);
  for (const proxy of proxies) {
    const proxyServers = servers.filter((server) => server.proxy === proxy);
    if (proxyServers.length === 0) {
      problems.push(fail(`${proxy} has no servers`, service));
      continue;
    }
    for (const name of brokers) {
      const { status, agentStatus = "" } = proxyServers.find((server) => server.name === name) ?? {};
      if (status === undefined) problems.push(fail(`${proxy} lacks ${name}`, service));
      else if (!isUp(status)) {
        // The other proxies have no checks of their own: their servers have the state of AMQP's.
        if (!usualProxies.includes(proxy)) continue;
        const found = `${proxy}: ${name} is ${status}, expected UP`;
        const isUpInOneProxy = servers.some((server) => server.name === name && isUp(server.status));
        if (status.endsWith("(agent)")) {
          problems.push(needsOperator(found, `clear the alarm of ${name}, which its host reports`));
        } else if (!status.startsWith("DOWN")) {
          // Such a status, MAINT for one, was set at runtime. It is not in HAProxy's files, so only a reload resets it.
          problems.push(needsOperator(found, `run "systemctl reload haproxy" on ${balancer}`));
        } else if (isUpInOneProxy && proxy.startsWith("rabbitmq_cluster")) {
          const advice = `check ${name}: if it is drained, run "rabbitmq-upgrade revive" there`;
          problems.push(needsOperator(found, advice));
        } else problems.push(fail(found, `${name}-${isUpInOneProxy ? "plugins" : "service"}`));
      } else if (/L4(CON|TOUT)$/.test(agentStatus)) {
        // HAProxy goes on with what it was told last, so an alarm goes unnoticed. A star says that a check is under way.
        problems.push(
          fail(
            `${proxy}: the agent check of ${name} is not answered (${agentStatus})`,
            brokerAgentName(name),
          ),
        );
      }
    }
    for (const { name } of proxyServers) {
      if (!brokers.includes(name))
        problems.push(fail(`${proxy} has ${name}, which is not one of the brokers`, service));
    }
  }
  return combineVerdicts(problems, `${brokers.length} of ${brokers.length} UP in ${proxies.join(" and ")}`);
}

/**
 * @param suffix `;csv` for the statistics as CSV
 * @throws RefusalError when the page requires another password than the one in the outputs, or does not exist
 */
export async function fetchStatsPage(balancer: Balancer, system: System, suffix = ""): Promise<string> {
  const password = system.statsPassword ?? undefined;
  const credentials = password === undefined ? undefined : { user: "admin", password };
  const response = await request(balancer.url + suffix, credentials);
  const text = await response.text();
  if (response.status === 401) {
    const reason = password === undefined ? "the stack's outputs have none" : "the stack's is wrong";
    throw new RefusalError(
      `the page requires a password and ${reason} (HTTP 401)`,
      haproxyServiceName(balancer.name),
    );
  }
  if (response.status !== 200) {
    throw new RefusalError(`HTTP ${response.status} for ${balancer.url}`, haproxyServiceName(balancer.name));
  }
  return text;
}

export async function examineBalancers(system: System): Promise<Finding[]> {
  const names = system.expected?.servers ?? system.brokers.map(({ name }) => name);
  return Promise.all(
    system.balancers.map((balancer) =>
      runCheck("backends", balancer.name, [haproxyServiceName(balancer.name)], async () =>
        judgeServers(
          parseServers(await fetchStatsPage(balancer, system, ";csv")),
          names,
          balancer.name,
          system.expected?.proxies,
        ),
      ),
    ),
  );
}
