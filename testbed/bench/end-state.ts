/** Compares the end states of the tools, as read from the hosts. */
import { runOn } from "../stacks/hosts.ts";
import { virtualAddressOf, type Site } from "./site.ts";

/** Packages installed with Python for Ansible's modules, which are not part of the system. */
const pythonPackages = "python|distro-info-data|libreadline8|readline-common|libsqlite3-0|media-types";

/** Prints the files and packages that make up the system, and the cluster's state from the first broker. */
const endStateScript = `
find /etc/rabbitmq /etc/rabbitmq-ha /etc/haproxy /etc/keepalived /etc/systemd/system/*.d /usr/local/lib /usr/local/sbin /usr/local/bin \\
  /etc/systemd/system/*.service /etc/systemd/system/*.timer /var/lib/rabbitmq/.erlang.cookie /etc/hosts \\
  -type f ! -name '*~' ! -path '/usr/local/lib/rabbitmq-ha/*/agent/*' 2>/dev/null | sort | while read -r file; do
  echo "=== $file $(stat -c '%a %U:%G' "$file")"
  case $file in *cookie) echo "a secret" ;; *) cat "$file" ;; esac
done
echo "=== packages"
dpkg-query -W -f '\${Package}\\n' | grep -vE '${pythonPackages}'
if [ -d /etc/rabbitmq ] && [ "$(hostname)" = FIRST ]; then
  echo "=== cluster"
  for what in list_users list_permissions list_policies list_global_parameters; do
    rabbitmqctl -q "$what" </dev/null | grep -v internal_cluster_id
  done
fi
`;

/** Comments and blank lines. */
const ignoredLine = /^\s*(#(?!!)|%%|$)/;

/**
 * @returns the line without what its service notes of the files that it has read: only the program's next run asks for
 * that. The wait for an address, which is part of the same command, remains.
 */
function withoutNote(line: string): string {
  return /^Exec\w+=-\S+\/rabbitmq-ha note /.test(line) ? (/^.* --address \S+/.exec(line)?.[0] ?? "") : line;
}

/**
 * @returns the text by file, without what has to differ: names, addresses, comments. A file that says nothing is left
 * out: the program writes that of the settings with secrets even when there are none.
 */
export function normalise(text: string, { net }: Pick<Site, "net">): Map<string, string> {
  const found = new Map<string, string>();
  for (const section of text.split(/^=== /m).slice(1)) {
    const [head = "", ...lines] = section.split("\n");
    const name = head
      // The name of a drop-in does not matter.
      .replace(/(\.(?:service|timer)\.d)\/[^/ ]+\.conf/, "$1/*.conf");
    const kept = lines.map((line) => withoutNote(line.trim())).filter((line) => !ignoredLine.test(line));
    const same = kept
      .join("\n")
      .replaceAll(virtualAddressOf({ net }), "VIRTUAL")
      .replaceAll(`192.168.${net}.`, "NET.")
      .replaceAll(/\b[a-z]{1,3}(1[2-9]\d)\b/g, "host$1")
      // podman's network gives each host a domain, which the program keeps in the host's full name.
      .replaceAll(/ host\d+\.dns\.podman\b/g, "");
    if (same !== "") found.set(name, same);
  }
  return found;
}

/** @returns the end state by host and file */
export async function readEndState(at: Site): Promise<Map<string, string>> {
  const [first = ""] = at.brokers;
  const all = new Map<string, string>();
  for (const host of [...at.brokers.slice(0, 2), ...at.balancers]) {
    const text = await runOn(host, endStateScript.replace("FIRST", first), 120);
    for (const [name, content] of normalise(text, at)) all.set(`${host.slice(-3)}:${name}`, content);
  }
  return all;
}

/** @returns the differences, a line each */
export function findDifferences(
  wanted: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
): string[] {
  const missing = [...wanted.keys()].filter((name) => !found.has(name)).map((name) => `no ${name}`);
  const more = [...found.keys()].filter((name) => !wanted.has(name)).map((name) => `also ${name}`);
  const other = [...wanted].flatMap(([name, content]) => {
    const own = found.get(name);
    if (own === undefined || own === content) return [];
    const [lines, ownLines] = [content.split("\n"), own.split("\n")];
    const lack = lines.filter((line) => !ownLines.includes(line)).map((line) => `-${line}`);
    const extra = ownLines.filter((line) => !lines.includes(line)).map((line) => `+${line}`);
    const changes = [...lack, ...extra];
    return changes.length === 0 ? [] : [`${name}: ${changes.slice(0, 5).join(" ")}`];
  });
  return [...missing, ...more, ...other];
}
