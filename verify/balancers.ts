/** What each balancer's statistics page says of the brokers behind it. */
import { broken, type Finding, look, Refusal, unmendable, type Verdict, verdict } from "./finding.ts";
import { request } from "./http.ts";
import type { Balancer, System } from "./outputs.ts";
import { haproxyServiceName } from "../hosts/resource-names.ts";

/** The proxies of the balancers' configuration. */
const proxies = ["rabbitmq_cluster", "rabbitmq_management"] as const;

export interface Server {
  readonly proxy: string;
  readonly name: string;
  /** HAProxy's word, such as `UP`, `UP 1/2` (in doubt), `DOWN` or `MAINT`. */
  readonly status: string;
}

/** @returns the fields of one line; a quoted one may hold commas, and quotes twice */
function fields(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'),
  );
}

/**
 * @param csv HAProxy's statistics (management guide, section 9.1): a header line that begins with `# `
 * @returns the servers, without the sums that HAProxy adds as FRONTEND and BACKEND
 * @throws Error when it is no such text
 */
export function parseServers(csv: string): Server[] {
  const [header = "", ...lines] = csv.split(/\r?\n/).filter((line) => line !== "");
  const columns = fields(header.replace(/^# /, ""));
  const [proxy, name, status] = ["pxname", "svname", "status"].map((column) => columns.indexOf(column));
  if (!header.startsWith("# ") || [proxy, name, status].some((index) => index === undefined || index < 0)) {
    throw new Error("the answer is not HAProxy's statistics");
  }
  return lines
    .map(fields)
    .map((row) => ({
      proxy: row[proxy ?? -1] ?? "",
      name: row[name ?? -1] ?? "",
      status: row[status ?? -1] ?? "",
    }))
    .filter((server) => server.name !== "FRONTEND" && server.name !== "BACKEND");
}

/** `UP 1/2` still serves, `DOWN 1/2` does not yet. */
function up(status: string): boolean {
  return /^UP\b/.test(status);
}

/** @returns whether both proxies have exactly the brokers, all of them up */
export function judgeServers(
  servers: readonly Server[],
  brokers: readonly string[],
  balancer: string,
): Verdict {
  const complaints: Verdict[] = [];
  const service = haproxyServiceName(balancer);
  for (const proxy of proxies) {
    const mine = servers.filter((server) => server.proxy === proxy);
    if (mine.length === 0) {
      complaints.push(broken(`${proxy} has no servers`, service));
      continue;
    }
    for (const name of brokers) {
      const status = mine.find((server) => server.name === name)?.status;
      if (status === undefined) complaints.push(broken(`${proxy} lacks ${name}`, service));
      else if (!up(status)) {
        const found = `${proxy}: ${name} is ${status}, expected UP`;
        const alive = servers.some((server) => server.name === name && up(server.status));
        if (!status.startsWith("DOWN")) {
          // Said to the running HAProxy, as MAINT is: its files say nothing of it.
          complaints.push(unmendable(found, `run "systemctl reload haproxy" on ${balancer}`));
        } else if (alive && proxy === "rabbitmq_cluster") {
          const cause = `look at ${name}: drained, it serves again after "rabbitmq-upgrade revive" there`;
          complaints.push(unmendable(found, cause));
        } else complaints.push(broken(found, `${name}-${alive ? "plugins" : "service"}`));
      }
    }
    for (const { name } of mine) {
      if (!brokers.includes(name))
        complaints.push(broken(`${proxy} has ${name}, which is no broker`, service));
    }
  }
  return verdict(complaints, `${brokers.length} of ${brokers.length} UP in ${proxies.join(" and ")}`);
}

/**
 * @param suffix `;csv` for the numbers
 * @throws Refusal when the page asks for another password than the outputs have, or is not there
 */
export async function statsPage(balancer: Balancer, system: System, suffix = ""): Promise<string> {
  const password = system.statsPassword ?? undefined;
  const credentials = password === undefined ? undefined : { user: "admin", password };
  const response = await request(balancer.url + suffix, credentials);
  const text = await response.text();
  if (response.status === 401) {
    const known = password === undefined ? "the stack's outputs hold none" : "it is not the stack's";
    throw new Refusal(
      `the page asks for a password and ${known} (HTTP 401)`,
      haproxyServiceName(balancer.name),
    );
  }
  if (response.status !== 200) {
    throw new Refusal(`HTTP ${response.status} for ${balancer.url}`, haproxyServiceName(balancer.name));
  }
  return text;
}

export async function examineBalancers(system: System): Promise<Finding[]> {
  const names = system.brokers.map(({ name }) => name);
  return Promise.all(
    system.balancers.map((balancer) =>
      look("backends", balancer.name, [haproxyServiceName(balancer.name)], async () =>
        judgeServers(parseServers(await statsPage(balancer, system, ";csv")), names, balancer.name),
      ),
    ),
  );
}
