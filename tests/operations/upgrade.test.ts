/** The program's own upgrade: this version takes over a stack with messages that the last release has created. */
import assert from "node:assert/strict";
import { copyFile, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { scriptTimeoutSeconds, tail } from "../../testbed/stacks/running-up.ts";
import { root } from "../../testbed/stacks/trial-stack.ts";
import { readMessages, publish } from "../support/messages.ts";
import type { Release } from "../support/released.ts";
import { readSystem } from "../../testbed/chaos/suite.ts";
import { underLoad } from "../support/traffic.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "v", net: 74 }), {
  prepare,
  release: () => rm(checkout, { recursive: true, force: true }),
});
const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);
let checkout = "";

/** Checks out the last release in a folder of its own; it uses these node_modules if the locked packages are the same. */
async function checkOut(): Promise<string> {
  const folder = join(root, "tests", "released");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json"));
  const last = names.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1) ?? "";
  const { commit } = JSON.parse(await readFile(join(folder, last), "utf8")) as Release;
  const to = await mkdtemp(join(tmpdir(), "rabbitmq-ha-release-"));
  await execa("git", ["clone", "-q", "--no-checkout", root, to]);
  await execa("git", ["checkout", "-q", commit], { cwd: to });
  const packages = async (of: string): Promise<string> => {
    const lock = JSON.parse(await readFile(join(of, "package-lock.json"), "utf8")) as {
      packages: Readonly<Record<string, object>>;
    };
    return JSON.stringify(Object.entries(lock.packages).filter(([path]) => path !== ""));
  };
  if ((await packages(to)) === (await packages(root))) {
    await symlink(join(root, "node_modules"), join(to, "node_modules"));
  }
  return to;
}

async function prepare(): Promise<void> {
  checkout = await checkOut();
  await makeStack();
}

/** Brings the stack up with the last release and publishes messages. */
async function makeStack(): Promise<void> {
  const file = `Pulumi.${lab.stack}.yaml`;
  await copyFile(join(root, file), join(checkout, file));
  const { exitCode, all } = await execa("npm", ["run", "up", "--", "--stack", lab.stack], {
    cwd: checkout,
    env: lab.env,
    extendEnv: false,
    reject: false,
    all: true,
    stdin: "ignore",
    timeout: scriptTimeoutSeconds * 1000,
  });
  assert.equal(exitCode, 0, tail(all));
  await copyFile(join(checkout, file), join(root, file));
  await publish(await lab.connect(), "mirrored", messages);
  await publish(await lab.connect(), "quorum", messages, "quorum");
}

/** The processes of the services, their start times and the machines' identities. */
async function running(): Promise<string> {
  const script = `hostname; stat -c %W.%Z /etc/ssh/ssh_host_ed25519_key
    systemctl show -p Id,MainPID,ExecMainStartTimestampMonotonic rabbitmq-server haproxy keepalived`;
  return (await Promise.all(lab.hosts.map((host) => lab.runOn(host, script)))).join("\n");
}

test("up takes over a stack of the last release under load, without a replacement or a restart", async () => {
  const { steps } = JSON.parse(await lab.pulumi("preview", "--json")) as {
    steps: { op: string; urn: string }[];
  };
  assert.deepEqual(
    steps.filter(({ op }) => !["same", "update", "create"].includes(op)).map(({ op, urn }) => `${op} ${urn}`),
    [],
  );
  const before = await running();
  let output = "";
  await underLoad(await readSystem(lab), "upgrade", async () => {
    output = await lab.runOrThrow("up");
  });
  assert.match(output, /stack test-v is healthy/, tail(output));
  assert.equal(await running(), before);
  for (const queue of ["mirrored", "quorum"]) {
    assert.deepEqual(await readMessages(await lab.connect(), queue), messages, queue);
  }
});

test("a second up changes nothing", async () => {
  await lab.ensureUp();
  await lab.runOrThrow("up", "--expect-no-changes");
});
