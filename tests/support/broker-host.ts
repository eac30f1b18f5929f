/** A broker's host for its scripts, in a folder: its commands only say what they were asked, and do what shows. */
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { render } from "../../templates/render.ts";
import { bash, type Outcome } from "./bash.ts";

/** What installs or fetches the package that it is asked for last, if that is there: by the condition. */
function installer(condition: string): string {
  return `
case "$*" in *install*) ;; *) exit 0 ;; esac
package=\${@: -1}
case "$*" in *--download-only* | *--downloadonly*) how=fetch ;; *) how=install ;; esac
echo "$how \${package##*/}" >>$host/asked
[ ${condition} ] || exit 100
[ $how = fetch ] || cp $host/offered $host/version`;
}

/** What the commands print and do; `$host` is the folder. Only what changes or checks something is noted. */
const commands: Readonly<Record<string, string>> = {
  systemctl: `
case "$*" in
*is-active*) [ -e $host/active ] ;;
show*) cat $host/since ;;
start* | restart*)
  echo "$*" >>$host/asked
  rm -f $host/active
  $fingerprint >$host/var/lib/rabbitmq/rabbitmq-ha.started
  [ ! -e $host/refused ] || exit 1
  touch $host/active
  date +%N >$host/since ;;
stop*) echo "$*" >>$host/asked; rm -f $host/active ;;
esac`,
  rabbitmqctl: `
case "$*" in
*cluster_status*) cat $host/cluster ;;
*) echo "rabbitmqctl $*" >>$host/asked; [ ! -e $host/clumsy ] ;;
esac`,
  "rabbitmq-queues": `
case "$*" in
--help) echo "check_if_node_is_mirror_sync_critical" ;;
*) echo "$*" >>$host/asked ;;
esac`,
  "rabbitmq-upgrade": `echo "$*" >>$host/asked; [ "$*" != "-q drain" ] || [ ! -e $host/undrainable ]`,
  journalctl: `echo "2026-11-24 16:44:14.345293+00:00 [error] <0.132.0> Conf file attempted to set unknown variable"`,
  "dpkg-query": `case "$*" in *Status*) echo "installed $(cat $host/version)" ;; *) cat $host/version ;; esac`,
  dpkg: `case "$1" in --compare-versions) [ "$(printf '%s\\n' "$2" "$4" | sort -V | head -n 1)" = "$2" ] ;; esac`,
  "apt-cache": `echo "rabbitmq-server | $(cat $host/offered) | somewhere"`,
  "apt-get": installer('"${package#*=}" = "$(cat $host/offered)"'),
  dnf: installer('"$package" = "rabbitmq-server-$(cat $host/offered)"'),
  yum: installer("-e $package"),
  rpm: `case "$*" in *.rpm*) cat $host/offered ;; *) cat $host/version ;; esac`,
};

const folders = [
  "bin",
  "etc/rabbitmq",
  "etc/systemd/system/rabbitmq-server.service.d",
  "run/lock",
  "usr/sbin",
];
const moreFolders = ["var/lib/rabbitmq", "var/log/rabbitmq", "var/lib/apt/lists", "var/tmp"];

/** Every path of the scripts that is the host's own. */
const paths = /\/(var\/(lib|log|tmp)|run\/(rabbitmq-ha|lock)|etc\/(rabbitmq|systemd)|usr\/sbin)\//g;

export class BrokerHost {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** A broker of three that runs, and has read these settings. */
  static async make(folder: string, settings: string): Promise<BrokerHost> {
    const host = new BrokerHost(folder);
    for (const name of [...folders, ...moreFolders]) await mkdir(join(folder, name), { recursive: true });
    const fingerprint = host.#own(render("rabbitmq/fingerprint", {}));
    for (const [name, text] of Object.entries(commands)) {
      const file = join(folder, "bin", name);
      await writeFile(
        file,
        `#!/bin/bash\nhost=${folder}\n${text.replace("$fingerprint", () => fingerprint)}\n`,
      );
      await chmod(file, 0o755);
    }
    const nodes = '["rabbit@mq1","rabbit@mq2","rabbit@mq3"]';
    const files = {
      cluster: `{"disk_nodes":${nodes},"ram_nodes":[],"running_nodes":${nodes}}`,
      ...{ version: "3.10.8-1", offered: "3.10.8-1", asked: "", "var/log/rabbitmq/rabbit@mq1.log": "" },
      ...{ "etc/rabbitmq/advanced.config": "[].", since: "1" },
      "etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha.conf": "[Service]",
    };
    for (const [name, content] of Object.entries(files)) await host.put(name, content);
    await host.configure(settings);
    await host.run(`${join(folder, "bin/systemctl")} start rabbitmq-server`);
    await host.asked();
    return host;
  }

  #own(text: string): string {
    return text.replaceAll(paths, (path) => `${this.folder}${path}`);
  }

  async put(name: string, content = ""): Promise<void> {
    await writeFile(join(this.folder, name), `${content}\n`);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.folder, name));
  }

  async read(name: string): Promise<string> {
    return readFile(join(this.folder, name), "utf8");
  }

  /** Writes rabbitmq.conf, which the broker reads when it starts. */
  async configure(settings: string): Promise<void> {
    await this.put("etc/rabbitmq/rabbitmq.conf", `${settings}\ncluster_formation.node_type = disc`);
  }

  /** Runs a script of the program's; its waits have no patience. */
  async run(script: string): Promise<Outcome> {
    const quick = this.#own(script).replaceAll(/^( *)await \d+/gm, "$1await 0");
    return bash(`PATH=${this.folder}/bin:$PATH\n${quick}`);
  }

  /** What was asked of the commands since the last time, a line each. */
  async asked(): Promise<string[]> {
    const text = await this.read("asked");
    await writeFile(join(this.folder, "asked"), "");
    return text.split("\n").filter((line) => line !== "");
  }
}
