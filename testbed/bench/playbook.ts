/** The Ansible playbook in testbed/bench/ansible, on hosts that the SSH script's own boot makes. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bare, networkOf, type Bare } from "./bare.ts";
import { run, type Timed } from "./command.ts";
import { folder as scriptFolder } from "./script.ts";
import { address, site, sweep, virtualAddress } from "./site.ts";
import { hasLimit, largest, patience, type Lab, type Surroundings, type Tool } from "./tool.ts";

const prefix = "an";
const net = 72;
const folder = join(import.meta.dirname, "ansible");

/** @returns the inventory of a lab, which holds its throw-away secrets */
export function inventory({ site: at, work, secrets }: Omit<Bare, "env" | "remove">): string {
  const hosts = (names: readonly string[]): string[] =>
    names.map((host) => `${host} ansible_host=${address(at, host)}`);
  return [
    ...["[brokers]", ...hosts(at.brokers), "", "[balancers]", ...hosts(at.balancers), ""],
    ...["[all:vars]", "ansible_user=root", `ansible_ssh_private_key_file=${work}/key`],
    `ansible_ssh_common_args=-o UserKnownHostsFile=${work}/known_hosts`,
    `virtual_address=${virtualAddress(at)}`,
    `erlang_cookie=${secrets.cookie}`,
    `admin_password=${secrets.password}`,
    `program_scripts=${work}/own`,
    "",
  ].join("\n");
}

export function playbook(surroundings: Surroundings): Tool {
  return {
    name: "Ansible",
    sweep: async () => {
      await sweep(site(prefix, net, largest), networkOf(prefix));
    },
    open: async (size) => lab(await bare(prefix, net, size, surroundings), surroundings),
  };
}

async function lab(hosts: Bare, { signal }: Surroundings): Promise<Lab> {
  const { site: at, work, remove } = hosts;
  const file = join(work, "inventory.ini");
  await writeFile(file, inventory(hosts), { mode: 0o600 });
  const env = {
    ...hosts.env,
    ANSIBLE_CONFIG: join(folder, "ansible.cfg"),
    ANSIBLE_SSH_CONTROL_PATH_DIR: join(work, "cp"),
    ANSIBLE_NOCOLOR: "1",
  };
  const limits = { cwd: folder, env, deadline: patience, signal };
  const play = async (...args: string[]): Promise<Timed> =>
    run(["ansible-playbook", "-i", file, ...args, "site.yml"], limits);
  const unchanged = ({ seconds, stdout }: Timed): number => {
    const changed = [...stdout.matchAll(/^\S+ +: ok=\d+ +changed=[1-9].*$/gm)].map(([line]) => line);
    if (changed.length > 0) throw new Error(`there was something to change: ${changed.join("; ")}`);
    return seconds;
  };
  let limit = 2000;
  const setting = async (...args: string[]): Promise<number> => {
    limit += 100;
    const { seconds } = await play("-e", `max_connections_proxy=${limit}`, ...args);
    await hasLimit(at, limit);
    return seconds;
  };
  return {
    site: at,
    remove,
    make: async () => {
      const boot = await run([join(scriptFolder, "boot.sh")], limits);
      const { seconds } = await play();
      return boot.seconds + seconds;
    },
    changes: [
      { part: "nochange", what: "run, nothing to change", run: async () => unchanged(await play()) },
      {
        part: "nochange",
        what: "preview, nothing to change",
        run: async () => unchanged(await play("--check")),
      },
      { part: "setting", what: "one HAProxy setting", run: async () => setting() },
      {
        part: "setting",
        what: "one HAProxy setting, told which hosts",
        run: async () => setting("--limit", "balancers"),
      },
    ],
  };
}
