/** What becomes of a changed broker in its turn: nothing, a command, a restart, or another package. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import type { OperatingSystem, PackageSources } from "../../platforms/host.ts";
import { brokerUpgradeScript } from "../../remote/packages.ts";
import { render } from "../../templates/render.ts";
import { scratch } from "../support/bash.ts";
import { BrokerHost } from "../support/broker-host.ts";

const root = await scratch();
const limits = "vm_memory_high_watermark.relative = 0.4\ndisk_free_limit.absolute = 1GB";
const script = render("rabbitmq/restart.sh", { name: "mq1", upgrade: "" });
const upgradeTo = (
  brokerVersion: string,
  os: OperatingSystem = "debian-12",
  sources: PackageSources = {},
): string =>
  render("rabbitmq/restart.sh", {
    name: "mq1",
    upgrade: brokerUpgradeScript({ os, packages: { ...sources, brokerVersion } }),
  });

const checks = ["-q check_if_node_is_quorum_critical", "-q check_if_node_is_mirror_sync_critical"];
const inTurn = [...checks, "-q drain", "restart rabbitmq-server"];
const silent = { code: 0, stdout: "", stderr: "" };

let host: BrokerHost;
let number = 0;
beforeEach(async () => {
  number += 1;
  host = await BrokerHost.make(join(root, String(number)), limits);
});
const exists = (name: string): Promise<boolean> =>
  access(join(host.folder, name)).then(
    () => true,
    () => false,
  );

test("a broker that has read its files is left alone, and no Erlang is started to see it", async () => {
  assert.deepEqual(await host.run(script), silent);
  assert.deepEqual(await host.run(script), silent);
  assert.deepEqual(await host.asked(), []);
});

test("peers of the cluster's formation are no reason", async () => {
  await host.configure(`${limits}\ncluster_formation.classic_config.nodes.3 = rabbit@mq4`);
  assert.deepEqual(await host.run(script), silent);
  assert.deepEqual(await host.asked(), []);
});

test("a changed setting: checked, drained, restarted; then nothing is due", async () => {
  await host.run(script);
  await host.configure(`${limits}\nchannel_max = 1000`);
  assert.deepEqual(await host.run(script), {
    ...silent,
    stdout: "mq1: restarts with its changed configuration\n",
  });
  assert.deepEqual(await host.asked(), inTurn);
  assert.equal(await exists("run/rabbitmq-ha/drained"), false);
  assert.deepEqual(await host.run(script), silent);
});

test("limits alone: by command, each once, and no restart then or later", async () => {
  await host.run(script);
  for (const [changed, commands] of [
    [
      "vm_memory_high_watermark.relative = 0.5\ndisk_free_limit.absolute = 2GB",
      ["-q set_vm_memory_high_watermark 0.5", "-q set_disk_free_limit 2GB"],
    ],
    [
      "vm_memory_high_watermark.absolute = 512MB\ndisk_free_limit.relative = 1.5",
      ["-q set_vm_memory_high_watermark absolute 512MB", "-q set_disk_free_limit mem_relative 1.5"],
    ],
  ] as const) {
    await host.configure(changed);
    const { code, stdout } = await host.run(script);
    assert.deepEqual([code, stdout], [0, "mq1: takes its changed settings without a restart\n"]);
    assert.deepEqual(
      await host.asked(),
      commands.map((command) => `rabbitmqctl ${command}`),
    );
    assert.deepEqual(await host.run(script), silent);
  }
});

test("a limit beside another setting, one that no command takes, or two for one thing: a restart", async () => {
  const higher = limits.replace("0.4", "0.5");
  await host.run(script);
  await host.configure(`${higher}\nchannel_max = 1000`);
  await host.run(script);
  assert.deepEqual(await host.asked(), inTurn);
  await host.put("clumsy");
  await host.configure(`${limits}\nchannel_max = 1000`);
  assert.equal((await host.run(script)).code, 0);
  assert.deepEqual(await host.asked(), ["rabbitmqctl -q set_vm_memory_high_watermark 0.4", ...inTurn]);
  await host.remove("clumsy");
  await host.configure(`${limits}\nchannel_max = 1000\ndisk_free_limit.relative = 1.5`);
  await host.run(script);
  assert.deepEqual(await host.asked(), inTurn);
});

test("without a note of what the broker has read beside the limits, a restart", async () => {
  await host.configure(limits.replace("0.4", "0.5"));
  await host.run(script);
  assert.deepEqual(await host.asked(), inTurn);
});

test("a note of an earlier start does not count", async () => {
  await host.run(script);
  await host.configure(`${limits}\nchannel_max = 1000`);
  await host.run(join(host.folder, "bin/systemctl") + " restart rabbitmq-server");
  await host.asked();
  await host.configure(limits.replace("0.4", "0.5"));
  await host.run(script);
  assert.deepEqual(await host.asked(), inTurn);
});

test("no broker is touched while a member is away", async () => {
  await host.run(script);
  await host.put(
    "cluster",
    (await host.read("cluster")).replace(/"running_nodes":\[.*?,/, '"running_nodes":['),
  );
  await host.configure(`${limits}\nchannel_max = 1000`);
  const { code, stderr } = await host.run(script);
  assert.equal(code, 1);
  assert.match(stderr, /^mq1: waited in vain for every member to run before the restart:/);
  assert.match(
    stderr,
    /the brokers after this one were left as they are; .* the next up goes on from here\n$/,
  );
  assert.deepEqual(await host.asked(), []);
});

test("a broker that cannot be drained serves on", async () => {
  await host.run(script);
  await host.put("undrainable");
  await host.configure(`${limits}\nchannel_max = 1000`);
  const { code, stderr } = await host.run(script);
  assert.equal(code, 1);
  assert.match(stderr, /^mq1: could not be drained before its restart:/);
  assert.deepEqual(await host.asked(), [...checks, "-q drain", "-q revive"]);
});

test("a broker that does not start again is named, at each run until it does", async () => {
  await host.run(script);
  await host.put("refused");
  await host.configure(`${limits}\nchannel_maxx = 1000`);
  const words =
    /^mq1: rabbitmq-server did not (re)?start with its changed configuration; .*\nConf file attempted to set unknown/;
  const first = await host.run(script);
  assert.equal(first.code, 1);
  assert.match(first.stderr, words);
  assert.match(first.stderr, /the brokers after this one were left as they are/);
  assert.deepEqual(await host.asked(), inTurn);
  const second = await host.run(script);
  assert.equal(second.code, 1);
  assert.match(second.stderr, words);
  assert.deepEqual(await host.asked(), ["start rabbitmq-server"]);
  await host.remove("refused");
  await host.configure(`${limits}\nchannel_max = 1000`);
  assert.equal((await host.run(script)).code, 0);
  assert.deepEqual(await host.asked(), ["restart rabbitmq-server"]);
});

test("whom a run of ours has drained in vain serves again; whom a person has drained stays", async () => {
  await host.run(script);
  await host.run(`mkdir -p /run/rabbitmq-ha/\ncp ${host.folder}/since /run/rabbitmq-ha/drained`);
  const { code, stdout } = await host.run(script);
  assert.deepEqual(
    [code, stdout],
    [0, "mq1: was drained for a restart that has not come, and serves again\n"],
  );
  assert.deepEqual(await host.asked(), ["-q revive"]);
  // A drain before the broker's last start is over.
  await host.put("run/rabbitmq-ha/drained", "earlier");
  assert.deepEqual(await host.run(script), silent);
  assert.deepEqual(await host.asked(), []);
});

test("another version: fetched while the broker serves, installed while it is stopped", async () => {
  await host.put("offered", "3.10.8-2");
  const { code, stdout, stderr } = await host.run(upgradeTo("3.10.8-2"));
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout, "mq1: stops, and rabbitmq-server becomes 3.10.8-2\n");
  assert.deepEqual(await host.asked(), upgraded("rabbitmq-server=3.10.8-2", "rabbitmq-server=3.10.8-2"));
  assert.deepEqual(await host.run(upgradeTo("3.10.8-2")), silent);
});

test("no way back, and no version that is not offered: told before anything is drained", async () => {
  const back = await host.run(upgradeTo("3.9.16-1"));
  assert.equal(back.code, 1);
  assert.match(
    back.stderr,
    /^mq1: packages\.rabbitmq\.version is 3\.9\.16-1, and 3\.10\.8-1 is installed\. A broker does not go back/,
  );
  assert.deepEqual(await host.asked(), []);
  const unknown = await host.run(upgradeTo("3.10.9-1"));
  assert.equal(unknown.code, 1);
  assert.match(
    unknown.stderr,
    /^mq1: rabbitmq-server 3\.10\.9-1 \(packages\.rabbitmq\.version\) could not be fetched; .* have: 3\.10\.8-1\. The end/,
  );
  assert.ok((await host.asked()).every((line) => line.startsWith("fetch ")));
});

/** What is asked for another version where the package is fetched and then installed by these names. */
const upgraded = (fetched: string | undefined, installed: string): string[] => [
  ...(fetched === undefined ? [] : [`fetch ${fetched}`]),
  ...[...checks, "-q drain", "stop rabbitmq-server"],
  ...[`install ${installed}`, "restart rabbitmq-server"],
];

test("another version from a repository of RPMs", async () => {
  await host.put("version", "3.13.6-1.el8");
  await host.put("offered", "3.13.7-1.el8");
  const { code, stderr } = await host.run(upgradeTo("3.13.7-1.el8", "rocky-9"));
  assert.deepEqual([code, stderr], [0, ""]);
  const name = "rabbitmq-server-3.13.7-1.el8";
  assert.deepEqual(await host.asked(), upgraded(name, name));
  assert.deepEqual(await host.run(upgradeTo("3.13.7-1.el8", "rocky-9")), silent);
  const back = await host.run(upgradeTo("3.9.29-1.el8", "rocky-9"));
  assert.match(back.stderr, /3\.13\.7-1\.el8 is installed\. A broker does not go back/);
  const unknown = await host.run(upgradeTo("3.13.8-1.el8", "rocky-9"));
  assert.match(unknown.stderr, /^mq1: rabbitmq-server 3\.13\.8-1\.el8 .* could not be fetched; the end of/);
  assert.deepEqual(await host.asked(), ["fetch rabbitmq-server-3.13.8-1.el8"]);
});

test("another version from an RPM by URL, which has to be that version", async () => {
  await host.put("version", "3.9.15-1.el7");
  await host.put("offered", "3.9.16-1.el7");
  await host.put("some.rpm", "an RPM");
  const download = {
    url: `file://${host.folder}/some.rpm`,
    sha256: createHash("sha256").update("an RPM\n").digest("hex"),
  };
  const rpms = { erlang: download, rabbitmq: download };
  const other = await host.run(upgradeTo("3.9.17-1.el7", "centos-7", { rpms, mirror: "" }));
  assert.match(
    other.stderr,
    /^mq1: packages\.rabbitmq\.version is 3\.9\.17-1\.el7, and the RPM at .* is 3\.9\.16-1\.el7$/m,
  );
  assert.deepEqual(await host.asked(), []);
  const { code, stderr } = await host.run(upgradeTo("3.9.16-1.el7", "centos-7", { rpms, mirror: "" }));
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(await host.asked(), upgraded(undefined, "rabbitmq-ha-upgrade.rpm"));
});

test("a package that cannot be installed: the broker serves again with the one that it had, and it is told", async () => {
  await host.put("offered", "3.10.8-2");
  const broken = upgradeTo("3.10.8-2").replace("with_apt installed;", "{ echo broken >&2; false; };");
  const { code, stderr } = await host.run(broken);
  assert.equal(code, 1);
  assert.match(stderr, /^broken\nmq1: serves again, with the package that it had/);
  assert.deepEqual((await host.asked()).slice(-2), ["stop rabbitmq-server", "restart rabbitmq-server"]);
});
