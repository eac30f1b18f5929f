/** Changes of a running system under load: what restarts, in which order, and what clients notice. */
import assert from "node:assert/strict";
import { beforeEach, test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { queueKinds, Load, defaultLoad } from "../../testbed/chaos/load.ts";
import { readSystem } from "../../testbed/chaos/suite.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { ConnectionMonitor } from "../support/connection-monitor.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "n", net: 70 }), {
  prepare,
  release: async () => {
    load?.stopNow();
    await virtual.stop();
  },
});
const [first = "", ...others] = lab.brokers;
const virtual = new ConnectionMonitor(lab.virtualAddress);
let load: Load | undefined;

async function prepare(): Promise<void> {
  await lab.runOrThrow("up");
  load = new Load(await readSystem(lab), "rolling", { ...defaultLoad, messagesPerSecond: 20 });
  await load.start();
  virtual.start();
}

// A gap from an earlier test does not count here. After a failed test, an `up` comes first.
beforeEach(async () => {
  await lab.ensureUp();
  virtual.takeLongestGapMs();
});

/** How long no new connection may be answered: one attempt at a broker that has just stopped, and the next one. */
const maxGapMs = 4000;
function assertAnswered(context: TestContext): void {
  const gap = virtual.takeLongestGapMs();
  context.diagnostic(
    `longest time without an answer through the virtual address: ${(gap / 1000).toFixed(1)} s`,
  );
  assert.ok(
    gap < maxGapMs,
    `no new connection was answered for ${gap.toFixed(0)} ms; at most ${maxGapMs} ms are allowed`,
  );
}

/** When a service last stopped and last started serving, in microseconds of the machine's monotonic clock. */
interface ServiceTimes {
  readonly pid: string;
  readonly stopped: number;
  readonly serves: number;
}

async function serviceTimes(hosts: readonly string[], unit: string): Promise<ServiceTimes[]> {
  const keys = ["MainPID", "ActiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic"];
  return Promise.all(
    hosts.map(async (host) => {
      const shown = await lab.runOn(host, `systemctl show -p ${keys.join(",")} ${unit}`);
      const [pid = "", stopped, serves] = keys.map(
        (key) => new RegExp(`^${key}=(.*)$`, "m").exec(shown)?.[1],
      );
      return { pid, stopped: Number(stopped), serves: Number(serves) };
    }),
  );
}

/** Asserts that each service has restarted since, and that each served again before the next one stopped. */
function assertOneByOne(earlier: readonly ServiceTimes[], now: readonly ServiceTimes[]): void {
  now.forEach(({ stopped, serves }, index) => {
    assert.ok(stopped > (earlier[index]?.serves ?? 0) && serves > stopped, `number ${index} did not restart`);
    assert.ok(
      stopped > (now[index - 1]?.serves ?? 0),
      `number ${index} stopped before number ${index - 1} served again`,
    );
  });
}

const brokers = (): Promise<ServiceTimes[]> => serviceTimes(lab.brokers, "rabbitmq-server");
const settings = (...pairs: string[]): string =>
  `  rabbitmq-ha:rabbitmq: { settings: { ${pairs.join(", ")} } }`;

/** How often each broker has been drained, according to its log. */
async function countDrains(): Promise<number[]> {
  const count = (host: string): string =>
    `grep -c 'maintenance (drain) mode' /var/log/rabbitmq/rabbit@${host}.log || true`;
  return Promise.all(lab.brokers.map(async (host) => Number(await lab.runOn(host, count(host)))));
}

test("a setting that needs a restart drains and restarts each broker before the next one stops", async (context) => {
  await lab.ensureUp("");
  const earlier = await brokers();
  const drained = await countDrains();
  await lab.configure(settings("channel_max: 1000"));
  const preview = await lab.runOrThrow("preview", "--diff");
  assert.match(preview, /\+ channel_max = 1000/);
  assert.match(preview, /~ 8 to update/);
  const output = await lab.runOrThrow("up");
  assertOneByOne(earlier, await brokers());
  for (const host of lab.brokers) {
    assert.match(output, new RegExp(`${host}: restarts with its changed configuration`));
    assert.match(await lab.runOn(host, "rabbitmqctl -q environment </dev/null | grep channel_max"), /1000/);
  }
  const drainedNow = await countDrains();
  assert.deepEqual(
    drainedNow.map((count, index) => count - (drained[index] ?? 0)),
    lab.brokers.map(() => 1),
  );
  assertAnswered(context);
});

test("limits and a plug-in take effect without a restart", async (context) => {
  await lab.ensureUp(settings("channel_max: 1000"));
  const earlier = await brokers();
  await lab.configure(
    `  rabbitmq-ha:rabbitmq:
    settings: { channel_max: 1000, vm_memory_high_watermark.relative: 0.5, disk_free_limit.absolute: 500MB }
    plugins: [rabbitmq_management, rabbitmq_prometheus, rabbitmq_shovel]`,
  );
  const output = await lab.runOrThrow("up");
  assert.deepEqual(await brokers(), earlier);
  for (const host of lab.brokers) {
    assert.match(output, new RegExp(`${host}: takes its changed settings without a restart`));
    const status = await lab.runOn(host, "rabbitmqctl -q status --formatter json </dev/null");
    assert.match(status, /"disk_free_limit":500000000,/);
    assert.match(status, /"vm_memory_high_watermark_setting":\{"relative":0\.5\}/);
    assert.match(await lab.runOn(host, "rabbitmq-plugins -q list -E -m </dev/null"), /^rabbitmq_shovel$/m);
  }
  assertAnswered(context);
});

test("a setting that RabbitMQ refuses stops only the first broker; a valid one restarts the others", async (context) => {
  const earlier = await brokers();
  await lab.configure(settings("channel_maxx: 1000"));
  const { code, output } = await lab.npm("up");
  assert.notEqual(code, 0);
  assert.match(
    output,
    new RegExp(`${first}: rabbitmq-server did not restart with its changed configuration`),
  );
  assert.match(output, /channel_maxx/);
  assert.match(output, /the brokers after this one were left as they are/);
  assert.deepEqual((await brokers()).slice(1), earlier.slice(1));
  assertAnswered(context);
  await lab.configure(settings("channel_max: 900"));
  await lab.runOrThrow("up");
  assertOneByOne(earlier.slice(1), await serviceTimes(others, "rabbitmq-server"));
  for (const host of lab.brokers) {
    assert.match(await lab.runOn(host, "rabbitmqctl -q environment </dev/null | grep channel_max"), /900/);
  }
  assertAnswered(context);
});

/** Adds a package source with a newer version to each broker: the same package with another version number. */
async function offerNext(): Promise<string> {
  const script = `
    set -e
    mkdir -p /srv/next && cd /srv/next
    apt-get -q download rabbitmq-server >/dev/null </dev/null
    dpkg-deb -R rabbitmq-server_*.deb tree
    rm rabbitmq-server_*.deb
    sed -i 's/^Version: .*/&+next1/' tree/DEBIAN/control
    dpkg-deb -Zgzip -z1 -b tree next.deb >/dev/null
    rm -r tree
    { dpkg-deb -f next.deb; echo "Filename: ./next.deb"; stat -c 'Size: %s' next.deb
      echo "SHA256: $(sha256sum <next.deb | cut -d ' ' -f 1)"; } >Packages
    echo 'deb [trusted=yes] file:/srv/next ./' >/etc/apt/sources.list.d/next.list
    dpkg-deb -f next.deb Version`;
  const [version = ""] = await Promise.all(lab.brokers.map((host) => lab.runOn(host, script)));
  return version.trim();
}

test("a package version is installed one broker at a time; an unknown one is refused before any restart", async (context) => {
  await lab.ensureUp(settings("channel_max: 900"));
  const next = await offerNext();
  const configure = (version: string): Promise<void> =>
    lab.configure(
      `${settings("channel_max: 900")}\n  rabbitmq-ha:packages: { rabbitmq: { version: ${version} } }`,
    );
  const earlier = await brokers();
  await configure(`${next}.not`);
  const { code, output } = await lab.npm("up");
  assert.notEqual(code, 0);
  assert.match(output, /could not be fetched; this host's sources have: .*\+next1 /);
  assert.deepEqual(await brokers(), earlier);
  await configure(next);
  await lab.runOrThrow("up");
  assertOneByOne(earlier, await brokers());
  for (const host of lab.brokers) {
    assert.equal(await lab.runOn(host, "dpkg-query -W -f '${Version}' rabbitmq-server"), next);
  }
  await lab.runOrThrow("up", "--expect-no-changes");
  assertAnswered(context);
});

test("the balancer without the virtual address restarts HAProxy and Keepalived first", async (context) => {
  // The drop-ins now differ from those that the services were started with, so the services must restart. They are
  // written by the program, so that verify takes them for its own.
  for (const host of lab.balancers) {
    await lab.runOn(
      host,
      `for unit in haproxy keepalived; do
        file=/etc/systemd/system/$unit.service.d/rabbitmq-ha.conf
        { cat $file; printf '[Service]\\nEnvironment=ANOTHER=one\\n'; } | rabbitmq-ha file --path $file
      done`,
    );
  }
  const [holder = "", other = ""] = lab.balancers;
  assert.match(await lab.runOn(holder, "ip -o -4 addr show"), new RegExp(` ${lab.virtualAddress}/`));
  const units = ["haproxy", "keepalived"];
  const earlier = await Promise.all(units.map((unit) => serviceTimes([other, holder], unit)));
  const urns = (await lab.pulumi("stack", "--show-urns")).match(/urn:\S+-(service|serving|holder)$/gm) ?? [];
  const ours = urns.filter((urn) => /::(haproxy|virtual-address)-/.test(urn) && !urn.includes("watch"));
  assert.equal(ours.length, 8);
  await lab.runOrThrow("up", ...ours.flatMap((urn) => ["--replace", urn]));
  for (const [index, unit] of units.entries()) {
    assertOneByOne(earlier[index] ?? [], await serviceTimes([other, holder], unit));
  }
  assertAnswered(context);
});

test("no confirmed message is lost on mirrored or quorum queues during the tests of this file", async (context) => {
  const working = load ?? assert.fail("no load was started");
  const enough = (): boolean => queueKinds.every((kind) => working.ledgers[kind].balance().confirmed > 1000);
  for (let second = 0; second < 60 && !enough(); second += 1) await pause(1000);
  await working.stop();
  for (const kind of queueKinds) {
    const { confirmed, lost, duplicates } = working.ledgers[kind].balance();
    context.diagnostic(`${kind}: ${confirmed} confirmed, ${lost.length} lost, ${duplicates} duplicates`);
    assert.ok(confirmed > 1000);
    assert.deepEqual(lost, []);
  }
});
