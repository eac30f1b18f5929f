/** Changes on a running system, under load: what restarts, in which order, and what clients notice. */
import assert from "node:assert/strict";
import { beforeEach, test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { kinds, Load, usual } from "../../testbed/chaos/load.ts";
import { systemOf } from "../../testbed/chaos/suite.ts";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { Answering } from "../support/answering.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "n", net: 70 }), {
  prepare,
  release: async () => {
    load?.abandon();
    await virtual.stop();
  },
});
const [first = "", ...others] = lab.brokers;
const virtual = new Answering(lab.virtualAddress);
let load: Load | undefined;

async function prepare(): Promise<void> {
  await lab.must("up");
  load = new Load(await systemOf(lab), "rolling", { ...usual, rate: 20 });
  await load.start();
  virtual.start();
}

// What a test before has left unanswered is not this one's; where it failed, an `up` comes first.
beforeEach(async () => {
  await lab.ensureUp();
  virtual.longestGap();
});

/** Milliseconds for which no new connection may be answered: one try at a broker that is just gone, and the next. */
const unanswered = 4000;
function answered(context: TestContext): void {
  const gap = virtual.longestGap();
  context.diagnostic(
    `longest time without an answer through the virtual address: ${(gap / 1000).toFixed(1)} s`,
  );
  assert.ok(gap < unanswered, `no answer for ${gap.toFixed(0)} ms`);
}

/** When a service last stopped serving, and when it last began to, in microseconds of the machine's clock. */
interface Turn {
  readonly pid: string;
  readonly stopped: number;
  readonly serves: number;
}

async function turns(hosts: readonly string[], unit: string): Promise<Turn[]> {
  const keys = ["MainPID", "ActiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic"];
  return Promise.all(
    hosts.map(async (host) => {
      const shown = await lab.on(host, `systemctl show -p ${keys.join(",")} ${unit}`);
      const [pid = "", stopped, serves] = keys.map(
        (key) => new RegExp(`^${key}=(.*)$`, "m").exec(shown)?.[1],
      );
      return { pid, stopped: Number(stopped), serves: Number(serves) };
    }),
  );
}

/** Asserts that each had a turn since, and that one served again before the next one stopped. */
function oneByOne(earlier: readonly Turn[], now: readonly Turn[]): void {
  now.forEach(({ stopped, serves }, index) => {
    assert.ok(stopped > (earlier[index]?.serves ?? 0) && serves > stopped, `number ${index} had no turn`);
    assert.ok(stopped > (now[index - 1]?.serves ?? 0), `number ${index} did not wait`);
  });
}

const brokers = (): Promise<Turn[]> => turns(lab.brokers, "rabbitmq-server");
const settings = (...pairs: string[]): string =>
  `  rabbitmq-ha:rabbitmq: { settings: { ${pairs.join(", ")} } }`;

/** How often each broker has been drained, as its log says. */
async function drains(): Promise<number[]> {
  const count = (host: string): string =>
    `grep -c 'maintenance (drain) mode' /var/log/rabbitmq/rabbit@${host}.log || true`;
  return Promise.all(lab.brokers.map(async (host) => Number(await lab.on(host, count(host)))));
}

test("a setting that needs a restart: each broker drained, restarted and back before the next", async (context) => {
  await lab.ensureUp("");
  const earlier = await brokers();
  const drained = await drains();
  await lab.configure(settings("channel_max: 1000"));
  const preview = await lab.must("preview", "--diff");
  assert.match(preview, /\+ channel_max = 1000/);
  assert.match(preview, /~ 8 to update/);
  const output = await lab.must("up");
  oneByOne(earlier, await brokers());
  for (const host of lab.brokers) {
    assert.match(output, new RegExp(`${host}: restarts with its changed configuration`));
    assert.match(await lab.on(host, "rabbitmqctl -q environment </dev/null | grep channel_max"), /1000/);
  }
  const drainedNow = await drains();
  assert.deepEqual(
    drainedNow.map((count, index) => count - (drained[index] ?? 0)),
    lab.brokers.map(() => 1),
  );
  answered(context);
});

test("limits and a plug-in take effect without a restart", async (context) => {
  await lab.ensureUp(settings("channel_max: 1000"));
  const earlier = await brokers();
  await lab.configure(
    `  rabbitmq-ha:rabbitmq:
    settings: { channel_max: 1000, vm_memory_high_watermark.relative: 0.5, disk_free_limit.absolute: 500MB }
    plugins: [rabbitmq_management, rabbitmq_prometheus, rabbitmq_shovel]`,
  );
  const output = await lab.must("up");
  assert.deepEqual(await brokers(), earlier);
  for (const host of lab.brokers) {
    assert.match(output, new RegExp(`${host}: takes its changed settings without a restart`));
    const status = await lab.on(host, "rabbitmqctl -q status --formatter json </dev/null");
    assert.match(status, /"disk_free_limit":500000000,/);
    assert.match(status, /"vm_memory_high_watermark_setting":\{"relative":0\.5\}/);
    assert.match(await lab.on(host, "rabbitmq-plugins -q list -E -m </dev/null"), /^rabbitmq_shovel$/m);
  }
  answered(context);
});

test("a setting that RabbitMQ refuses stops at the first broker; the next up goes on from there", async (context) => {
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
  answered(context);
  await lab.configure(settings("channel_max: 900"));
  await lab.must("up");
  oneByOne(earlier.slice(1), await turns(others, "rabbitmq-server"));
  for (const host of lab.brokers) {
    assert.match(await lab.on(host, "rabbitmqctl -q environment </dev/null | grep channel_max"), /900/);
  }
  answered(context);
});

/** Offers a later version of the brokers' package on each broker: the same one, by another name. */
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
  const [version = ""] = await Promise.all(lab.brokers.map((host) => lab.on(host, script)));
  return version.trim();
}

test("another version of the package: one broker at a time, and one that there is not is refused before", async (context) => {
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
  await lab.must("up");
  oneByOne(earlier, await brokers());
  for (const host of lab.brokers) {
    assert.equal(await lab.on(host, "dpkg-query -W -f '${Version}' rabbitmq-server"), next);
  }
  await lab.must("up", "--expect-no-changes");
  answered(context);
});

test("balancers: the one without the address restarts first", async (context) => {
  // Each service was started with another drop-in than the one that lies there.
  for (const host of lab.balancers) {
    await lab.on(
      host,
      `for unit in haproxy keepalived; do
        printf '[Service]\\nEnvironment=ANOTHER=one\\n' >>/etc/systemd/system/$unit.service.d/rabbitmq-ha.conf
      done`,
    );
  }
  const [holder = "", other = ""] = lab.balancers;
  assert.match(await lab.on(holder, "ip -o -4 addr show"), new RegExp(` ${lab.virtualAddress}/`));
  const units = ["haproxy", "keepalived"];
  const earlier = await Promise.all(units.map((unit) => turns([other, holder], unit)));
  const urns = (await lab.pulumi("stack", "--show-urns")).match(/urn:\S+-(service|serving|holder)$/gm) ?? [];
  const ours = urns.filter((urn) => /::(haproxy|virtual-address)-/.test(urn));
  assert.equal(ours.length, 8);
  await lab.must("up", ...ours.flatMap((urn) => ["--replace", urn]));
  for (const [index, unit] of units.entries()) {
    oneByOne(earlier[index] ?? [], await turns([other, holder], unit));
  }
  answered(context);
});

test("no confirmed message was lost by all this, on mirrored queues and on quorum queues", async (context) => {
  const working = load ?? assert.fail("there was no load");
  const enough = (): boolean => kinds.every((kind) => working.ledgers[kind].balance().confirmed > 1000);
  for (let second = 0; second < 60 && !enough(); second += 1) await pause(1000);
  await working.stop();
  for (const kind of kinds) {
    const { confirmed, lost, duplicates } = working.ledgers[kind].balance();
    context.diagnostic(`${kind}: ${confirmed} confirmed, ${lost.length} lost, ${duplicates} duplicates`);
    assert.ok(confirmed > 1000);
    assert.deepEqual(lost, []);
  }
});
