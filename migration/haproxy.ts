/** HAProxy's configuration with other brokers, and what its admin socket says and is told. */

export interface Server {
  readonly name: string;
  readonly address: string;
}

const serverLine = /^ {4}server (\S+) \S+:(\d+) (.*)$/;

/**
 * @param cfg as templates/haproxy/haproxy.cfg.hbs was rendered with whatever brokers
 * @returns what it renders with these ones
 */
export function withServers(cfg: string, servers: readonly Server[]): string {
  const lines = cfg.split("\n");
  return lines
    .flatMap((line, index) => {
      const found = serverLine.exec(line);
      if (found === null) return [line];
      // The lines of a proxy are the same but for the broker, so the first one stands for all.
      if (serverLine.test(lines[index - 1] ?? "")) return [];
      const [, former = "", port = "", rest = ""] = found;
      const [word, tracked, ...more] = rest.split(" ");
      return servers.map(({ name, address }) => {
        const own = word === "track" && tracked?.endsWith(`/${former}`) === true;
        const words = own ? [word, `${tracked.slice(0, -former.length)}${name}`, ...more].join(" ") : rest;
        return `    server ${name} ${address}:${port} ${words}`;
      });
    })
    .join("\n");
}

/** The proxies that carry no messages, and stay as they are while the others serve nobody. */
const managementProxy = /^rabbitmq_management(_tls)?$/;

export interface ServerState {
  readonly proxy: string;
  readonly server: string;
  readonly status: string;
  readonly sessions: number;
}

/** @param csv the answer to `show stat` @throws unless it is whole */
export function readServerStates(csv: string): ServerState[] {
  if (!csv.endsWith("\n\n")) throw new Error("HAProxy's answer is cut");
  const [titles = "", ...rows] = csv.trim().split("\n");
  const columns = titles.replace(/^# /, "").split(",");
  const [proxy, server, status, sessions] = ["pxname", "svname", "status", "scur"].map((key) =>
    columns.indexOf(key),
  );
  if ([proxy, server, status, sessions].some((at) => at === undefined || at < 0))
    throw new Error("HAProxy's statistics lack a column");
  return rows
    .map((row) => row.split(","))
    .map((cells) => ({
      proxy: cells[proxy ?? -1] ?? "",
      server: cells[server ?? -1] ?? "",
      status: cells[status ?? -1] ?? "",
      sessions: Number(cells[sessions ?? -1]),
    }));
}

/** @returns the states of the servers whose proxies carry messages */
export function messageServers(states: readonly ServerState[]): ServerState[] {
  const own = new Set(["FRONTEND", "BACKEND"]);
  return states.filter(
    ({ proxy, server }) => proxy.startsWith("rabbitmq_") && !managementProxy.test(proxy) && !own.has(server),
  );
}

/** @returns whether these brokers and no others are served, one of them at least, and none was taken out */
export function areServed(servers: readonly ServerState[], wanted: ReadonlySet<string>): boolean {
  const isMeant = servers.every(({ server, status }) => wanted.has(server) && !status.startsWith("MAINT"));
  return isMeant && servers.some(({ status }) => status.startsWith("UP"));
}

/** @returns the commands that take these servers out and end their sessions; HAProxy forgets it at its next start */
export function disableCommands(servers: readonly ServerState[]): string {
  return servers
    .flatMap(({ proxy, server }) => [
      `disable server ${proxy}/${server}`,
      `shutdown sessions server ${proxy}/${server}`,
    ])
    .join("; ");
}
