/** The Ansible playbook in testbed/bench/ansible, on hosts that the SSH script's boot.sh creates. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { prepareLab, networkName, type LabSetup } from "./lab-setup.ts";
import { runCommand, type CommandArgs, type CommandResult } from "./command.ts";
import { folder as scriptFolder } from "./script.ts";
import { addressOf, siteOf, removeSite, virtualAddressOf } from "./site.ts";
import {
  waitForConnectionLimit,
  maxBrokers,
  toolTimeoutSeconds,
  type Lab,
  type ToolContext,
  type Tool,
} from "./tool.ts";

const prefix = "an";
const net = 72;
const folder = join(import.meta.dirname, "ansible");

/** @returns the inventory of a lab, with the lab's temporary secrets */
export function renderInventory({ site: at, workFolder, secrets }: Omit<LabSetup, "env" | "remove">): string {
  const hosts = (names: readonly string[]): string[] =>
    names.map((host) => `${host} ansible_host=${addressOf(at, host)}`);
  return [
    ...["[brokers]", ...hosts(at.brokers), "", "[balancers]", ...hosts(at.balancers), ""],
    ...["[all:vars]", "ansible_user=root", `ansible_ssh_private_key_file=${workFolder}/key`],
    `ansible_ssh_common_args=-o UserKnownHostsFile=${workFolder}/known_hosts`,
    `virtual_address=${virtualAddressOf(at)}`,
    `erlang_cookie=${secrets.cookie}`,
    `admin_password=${secrets.password}`,
    `program_files=${workFolder}/own`,
    "",
  ].join("\n");
}

export function createPlaybookTool(surroundings: ToolContext): Tool {
  return {
    name: "Ansible",
    removeLeftovers: async () => {
      await removeSite(siteOf(prefix, net, maxBrokers), networkName(prefix));
    },
    open: async (size) => createLab(await prepareLab(prefix, net, size, surroundings), surroundings),
  };
}

async function createLab(hosts: LabSetup, { signal }: ToolContext): Promise<Lab> {
  const { site: at, workFolder, remove } = hosts;
  const file = join(workFolder, "inventory.ini");
  await writeFile(file, renderInventory(hosts), { mode: 0o600 });
  const env = {
    ...hosts.env,
    ANSIBLE_CONFIG: join(folder, "ansible.cfg"),
    ANSIBLE_SSH_CONTROL_PATH_DIR: join(workFolder, "cp"),
    ANSIBLE_NOCOLOR: "1",
  };
  const limits: CommandArgs = { cwd: folder, env, timeoutSeconds: toolTimeoutSeconds, signal };
  const play = async (...args: string[]): Promise<CommandResult> =>
    runCommand(["ansible-playbook", "-i", file, ...args, "site.yml"], limits);
  const unchanged = ({ seconds, stdout }: CommandResult): number => {
    const changed = [...stdout.matchAll(/^\S+ +: ok=\d+ +changed=[1-9].*$/gm)].map(([line]) => line);
    if (changed.length > 0) throw new Error(`the run changed something: ${changed.join("; ")}`);
    return seconds;
  };
  let limit = 2000;
  const setting = async (...args: string[]): Promise<number> => {
    limit += 100;
    const { seconds } = await play("-e", `max_connections_proxy=${limit}`, ...args);
    await waitForConnectionLimit(at, limit);
    return seconds;
  };
  return {
    site: at,
    remove,
    create: async () => {
      const boot = await runCommand([join(scriptFolder, "boot.sh")], limits);
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
