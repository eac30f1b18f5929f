/** HAProxy compiled from a tarball, one ram node, and a password for the statistics page. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "s", net: 59, types: ["disc", "disc", "ram"] }), {
  prepare,
  release: async () => {
    isOver = true;
    await serving;
    server?.close();
    await rm(work, { recursive: true, force: true });
  },
});
const gateway = "192.168.59.1";
const port = 8459;
let work = "";
let version = "";
let settings = "";
let server: Server | undefined;
let isOver = false;
let serving: Promise<void> | undefined;

async function prepare(): Promise<void> {
  work = await mkdtemp(join(tmpdir(), "rabbitmq-ha-source-"));
  const found = await tarball();
  version = found.version;
  const url = `http://${gateway}:${port}/haproxy.tar.gz`;
  settings = `  rabbitmq-ha:haproxy: { source: { version: ${version}, url: '${url}', sha256: ${found.sha256} } }`;
  await lab.configure(settings);
  await lab.pulumi("stack", "init").catch(() => "");
  await lab.setSecret("statsPassword", "seen-by-few");
  serving = serve(found.bytes);
}

/** HAProxy's original tarball, which Debian's archive keeps next to the package. */
async function tarball(): Promise<{
  readonly version: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}> {
  const { stdout } = await execa("apt-get", [
    ...["indextargets", "--format", "$(ORIGIN)/$(LABEL) $(REPO_URI) $(RELEASE)", "Created-By: Packages"],
  ]);
  const [, archive = "", release = ""] = /^Debian\/Debian (\S+) (\w+)$/m.exec(stdout) ?? [];
  await writeFile(join(work, "sources.list"), `deb-src ${archive} ${release} main\n`);
  await mkdir(join(work, "lists", "partial"), { recursive: true });
  const options = [
    ...[
      "-qq",
      "-o",
      `Dir::Etc::SourceList=${join(work, "sources.list")}`,
      "-o",
      "Dir::Etc::SourceParts=/dev/null",
    ],
    ...["-o", `Dir::State::Lists=${join(work, "lists")}`, "-o", "APT::Sandbox::User=root"],
  ];
  await execa("apt-get", [...options, "update"], { cwd: work });
  await execa("apt-get", [...options, "source", "--download-only", "haproxy"], { cwd: work });
  const name = (await readdir(work)).find((file) => file.endsWith(".orig.tar.gz")) ?? "";
  const bytes = await readFile(join(work, name));
  const version = /_(\d+\.\d+\.\d+)/.exec(name)?.[1] ?? "";
  return { version, bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** Serves the tarball on the lab's gateway only, as soon as that address exists. */
async function serve(bytes: Buffer): Promise<void> {
  while (!isOver) {
    const candidate = createServer((_, response) => response.end(bytes));
    const listening = await new Promise<boolean>((resolve) => {
      candidate.once("error", () => resolve(false));
      candidate.listen(port, gateway, () => resolve(true));
    });
    if (listening) {
      server = candidate;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test("up compiles HAProxy on both balancers and installs no package of it", async () => {
  await lab.configure(settings);
  await lab.runOrThrow("up");
  for (const host of lab.balancers) {
    const found = await lab.runOn(
      host,
      `/usr/local/haproxy/sbin/haproxy -v | head -n 1
       id haproxy
       tr '\\0' ' ' <"/proc/$(systemctl show -p MainPID haproxy | cut -d= -f2)/cmdline"
       dpkg-query -W haproxy 2>&1 || true`,
    );
    assert.match(found, new RegExp(`version ${version.replaceAll(".", "\\.")}`));
    assert.match(found, /uid=149\(haproxy\) gid=149\(haproxy\)/);
    assert.match(found, /^\/usr\/local\/haproxy\/sbin\/haproxy -Ws/m);
    assert.match(found, /no packages found matching haproxy/);
  }
});

test("every broker lists the third one as the ram node", async () => {
  await lab.ensureUp(settings);
  for (const host of lab.brokers) {
    const status = await lab.runOn(host, "rabbitmqctl -q cluster_status --formatter json </dev/null");
    assert.match(status, new RegExp(`"ram_nodes":\\["rabbit@${lab.brokers[2]}"\\]`));
  }
});

test("the statistics page requires its password, and only root can read the file with it", async () => {
  await lab.ensureUp(settings);
  const [host = ""] = lab.balancers;
  const address = `http://192.168.59.123:8100/rabbitmq-stats`;
  assert.equal((await fetch(address)).status, 401);
  const authorization = `Basic ${Buffer.from("admin:seen-by-few").toString("base64")}`;
  assert.equal((await fetch(address, { headers: { authorization } })).status, 200);
  assert.match(await lab.runOn(host, "stat -c '%a %U' /etc/haproxy/stats.cfg"), /^600 root/);
  assert.ok(!(await lab.pulumi("stack", "export")).includes("seen-by-few"));
});

test("HAProxy in its chroot also reports a broker that goes down to the journal", async () => {
  await lab.ensureUp(settings);
  const [, second = ""] = lab.brokers;
  const [balancer = ""] = lab.balancers;
  const since = (await lab.runOn(balancer, "date +@%s")).trim();
  const seen = `journalctl -u haproxy --since ${since} --no-pager -o cat | grep -q "rabbitmq_cluster/${second} is DOWN"`;
  try {
    await lab.runOn(second, "systemctl stop rabbitmq-server");
    await lab.runOn(balancer, `timeout 20 bash -c 'until ${seen}; do sleep 0.2; done'`);
  } finally {
    await lab.runOn(second, "systemctl start rabbitmq-server");
  }
});

test("a second up changes nothing", async () => {
  await lab.ensureUp(settings);
  await lab.runOrThrow("up", "--expect-no-changes");
});

test("destroy leaves no container, network or route", async () => {
  await lab.ensureUp(settings);
  await lab.runOrThrow("destroy");
  assert.deepEqual(await lab.findLeftovers(), []);
});
