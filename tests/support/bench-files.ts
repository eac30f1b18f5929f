/** The files that the program, the benchmark's script and its playbook write on a host, each as an end state has them. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { siteEnv } from "../../testbed/bench/lab-setup.ts";
import { addressOf, virtualAddressOf, type Site } from "../../testbed/bench/site.ts";
import { currentProgramFolder, programPath } from "../../remote/program.ts";
import { devConfig, root } from "./dev-stack.ts";
import { runProgram, unwrapSecrets } from "./program.ts";

/** The end states of some hosts: of each its files as `=== PATH MODE` and their text. */
export type HostTexts = ReadonlyMap<string, string>;

const cookie = "/var/lib/rabbitmq/.erlang.cookie";
/** What the lab's image has in /etc/hosts. */
const imageHosts = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n";

function section(path: string, mode: string | number, text: string): string {
  const octal = typeof mode === "number" ? (mode & 0o777).toString(8) : mode.replace(/^0/, "");
  return `=== ${path} ${octal}\n${path === cookie ? "a secret" : text}\n`;
}

const hostsOf = ({ brokers, balancers }: Site): string[] => [...brokers, ...balancers];

/** A step of the program on a host: its command line, and what it reads on standard input. */
export interface HostStep {
  readonly host: string;
  readonly subcommand: string;
  readonly line: string;
  readonly stdin: string;
}

/** @returns the steps of the program that sets up the site's hosts; those that only have an undo have no subcommand */
export async function programSteps(site: Site): Promise<HostStep[]> {
  const named = (hosts: readonly string[]): object[] =>
    hosts.map((name) => ({ name, address: addressOf(site, name) }));
  const { brokers, balancers, net } = site;
  const { graph } = await runProgram({
    config: {
      ...devConfig(),
      brokers: named(brokers),
      balancers: named(balancers),
      virtualAddress: virtualAddressOf(site),
      lab: { subnet: `192.168.${net}.0/24` },
    },
  });
  return graph.ofType("command:remote:Command").map(({ inputs }) => {
    const { host: address } = unwrapSecrets(inputs["connection"]) as { readonly host: string };
    const line = String(unwrapSecrets(inputs["create"]));
    return {
      host: hostsOf(site).find((host) => addressOf(site, host) === address) ?? "",
      subcommand: /^rabbitmq-ha (\S+) /.exec(line)?.[1] ?? "",
      line,
      stdin: String(unwrapSecrets(inputs["stdin"])),
    };
  });
}

/** @returns an option of a step's command line; empty if it is not given */
export function optionOf({ line }: Pick<HostStep, "line">, name: string): string {
  return new RegExp(` --${name} (\\S+)`).exec(line)?.[1] ?? "";
}

/** @returns what the steps write, and the launcher of the program itself, which is there before the first of them */
export function programFiles(site: Site, steps: readonly HostStep[]): HostTexts {
  const launcher = section(programPath, 0o755, readFileSync(join(root, "agent", "rabbitmq-ha"), "utf8"));
  return new Map(
    hostsOf(site).map((host) => {
      const own = steps.filter((step) => step.host === host);
      return [host, launcher + own.map(writtenBy).join("")];
    }),
  );
}

/** @returns the file that a step writes; nothing if it writes none */
function writtenBy(step: HostStep): string {
  const option = (name: string): string => optionOf(step, name);
  switch (step.subcommand) {
    case "file":
      return section(option("path"), option("mode") || "0644", step.stdin);
    case "plugins":
      return section("/etc/rabbitmq/enabled_plugins", "0644", `[${option("plugins")}].`);
    case "names": {
      const pairs = option("hosts").split(",");
      const lines = pairs.map((pair) => pair.split("=").reverse().join(" "));
      return section("/etc/hosts", "0644", imageHosts + lines.join("\n"));
    }
    default:
      return "";
  }
}

/** @returns the files below a folder, without the program's modules */
function filesBelow(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map(({ parentPath, name }) => `/${relative(folder, join(parentPath, name))}`);
  return paths
    .filter((path) => !path.startsWith(`${currentProgramFolder}/`))
    .map((path) => section(path, statSync(join(folder, path)).mode, readFileSync(join(folder, path), "utf8")))
    .join("");
}

/** Has the script's functions write the files of each host. @param work the folder with the program's own files */
export async function scriptFiles(site: Site, work: string): Promise<HostTexts> {
  const script = join(root, "testbed", "bench", "script", "files.sh");
  const env = { ...siteEnv(site, work), COOKIE: "COOKIE" };
  const write = async (call: string): Promise<unknown> =>
    execa("bash", ["-c", `set -euo pipefail; umask 022; source "$0"; ${call}`, script], { env });
  for (const host of site.brokers) await write(`broker_files ${host} "$WORK/${host}"`);
  for (const host of site.balancers)
    await write(`balancer_files ${host} ${addressOf(site, host)} "$WORK/${host}"`);
  return new Map(hostsOf(site).map((host) => [host, filesBelow(join(work, host))]));
}

interface FileTask {
  readonly dest?: string;
  readonly path?: string;
  readonly src?: string;
  readonly content?: string;
  readonly block?: string;
  readonly mode?: string;
}
type Task = Readonly<Record<string, unknown>>;

const playbook = join(root, "testbed", "bench", "ansible");
const readYaml = (...path: string[]): unknown => parse(readFileSync(join(playbook, ...path), "utf8"));

/** @returns the variables of a group of the playbook's hosts */
export function playbookVariables(group: "brokers" | "balancers"): Readonly<Record<string, unknown>> {
  const of = (name: string): object => readYaml("group_vars", `${name}.yml`) as object;
  return { ...of("all"), ...of(group) };
}

/** @returns the playbook's texts, its templates as they are but for the variables that have a plain value */
export function playbookFiles(site: Site, work: string): HostTexts {
  return new Map(
    hostsOf(site).map((host) => {
      const group = site.brokers.includes(host) ? "brokers" : "balancers";
      const plays = readYaml("site.yml") as readonly {
        readonly hosts: string;
        readonly roles: readonly string[];
      }[];
      const roles = plays
        .filter(({ hosts }) => hosts === "all" || hosts.startsWith(group))
        .flatMap((play) => play.roles);
      const texts = roles.flatMap((role) =>
        (readYaml("roles", role, "tasks", "main.yml") as readonly Task[]).map((task) =>
          writtenByTask(role, task),
        ),
      );
      return [host, filled(texts.join(""), playbookVariables(group)) + filesBelow(join(work, "own", host))];
    }),
  );
}

function writtenByTask(role: string, task: Task): string {
  const module = ["copy", "template", "blockinfile"].find(
    (name) => task[`ansible.builtin.${name}`] !== undefined,
  );
  if (module === undefined) return "";
  const items = (task["loop"] ?? [""]) as readonly string[];
  return items
    .map((item) => {
      const named = (text = ""): string => text.replaceAll("{{ item }}", item);
      const {
        dest,
        path,
        src,
        content,
        block,
        mode = "0644",
      } = task[`ansible.builtin.${module}`] as FileTask;
      const template = (): string =>
        readFileSync(join(playbook, "roles", role, "templates", named(src)), "utf8");
      const text = block === undefined ? (content ?? template()) : imageHosts + block;
      return section(named(dest ?? path), mode, text);
    })
    .join("");
}

/** Stands for any text where the playbook computes it. */
export const anything = "{{}}";

/** @returns the text with the values of plain variables, `anything` for all others, and without Jinja's own lines */
function filled(text: string, values: object): string {
  const valueOf = (name: string): unknown =>
    name.split(".").reduce<unknown>((found, key) => new Map(Object.entries(found ?? {})).get(key), values);
  return text.replaceAll(/^\s*\{%.*%\}\n/gm, "").replaceAll(/\{\{ (.*?) \}\}/g, (_, name: string) => {
    const value = valueOf(name);
    return (typeof value === "string" || typeof value === "number") && !String(value).includes("{{")
      ? String(value)
      : anything;
  });
}
