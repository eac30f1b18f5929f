/** The RabbitMQ of existing machines: how the probe finds it, in a real bash with stand-in commands, and how it is judged. */
import assert from "node:assert/strict";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { parseProbeOutput, renderProbeScript } from "../../../platforms/existing/precheck/probe.ts";
import { rabbitmqFaults } from "../../../platforms/existing/precheck/rabbitmq.ts";
import type { IntendedSetup, ProbeTarget } from "../../../platforms/existing/precheck/probe-target.ts";
import type { BrokerPackage } from "../../../hosts/rabbitmq-version.ts";
import { makeScratchFolder } from "../../support/bash.ts";
import { intendedSetup } from "../../support/intended-setup.ts";

const login = { host: "", port: 22, user: "root", privateKey: "" };
const machines = [1, 2, 3].map((number): ProbeTarget => ({
  ...{ name: `mq${number}`, address: `10.0.0.${number}`, role: "broker", login },
}));
const plan: IntendedSetup = {
  ...intendedSetup,
  machines,
  queues: "quorum",
};

const folder = await makeScratchFolder();

function parsed(output: string): BrokerPackage {
  const facts = parseProbeOutput(output, 0);
  assert.ok("rabbitmq" in facts);
  return facts.rabbitmq;
}

/** @returns what the probe finds where these commands exist, by their bodies */
async function asked(os: IntendedSetup["os"], commands: Record<string, string>): Promise<BrokerPackage> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  for (const [name, body] of Object.entries(commands)) {
    await writeFile(join(folder, name), `#!/bin/bash\n${body}\n`);
    await chmod(join(folder, name), 0o755);
  }
  const [machine] = machines;
  assert.ok(machine);
  const script = renderProbeScript(machine, { ...plan, os }).replace(/^main <.*$/m, "rabbitmq");
  const env = { PATH: `${folder}:${process.env["PATH"] ?? ""}` };
  return parsed((await execa("bash", ["-s"], { input: script, env })).stdout);
}

const policy = (installed: string, candidate: string): string =>
  `printf 'rabbitmq-server:\\n  Installed: ${installed}\\n  Candidate: ${candidate}\\n  Version table:\\n     ${candidate} 500\\n'`;

test("apt tells what is installed and what its lists offer", async () => {
  assert.deepEqual(await asked("debian-12", { "apt-cache": policy("3.10.8-1.1+deb12u1", "3.10.9-1") }), {
    installed: "3.10.8-1.1+deb12u1",
    offered: "3.10.9-1",
  });
  assert.deepEqual(await asked("debian-12", { "apt-cache": policy("(none)", "1:4.0.5-6") }), {
    offered: "1:4.0.5-6",
  });
  assert.deepEqual(await asked("debian-12", { "apt-cache": policy("(none)", "(none)") }), {});
});

test("no answer is an unknown version", async () => {
  assert.deepEqual(await asked("debian-12", { "apt-cache": "exit 100" }), {});
  assert.deepEqual(await asked("rocky-9", { rpm: "exit 1", dnf: "exit 1" }), {});
  assert.deepEqual(parsed("clock=1\ninstalled=newest\noffered="), {});
});

test("rpm tells what is installed, and dnf what its cache offers where nothing is", async () => {
  const list = "printf 'Available Packages\\nrabbitmq-server.noarch   3.13.7-1.el8   team\\n'";
  const absent = "echo 'package rabbitmq-server is not installed'; exit 1";
  assert.deepEqual(await asked("rocky-9", { rpm: "echo 3.13.2-1.el8", dnf: list }), {
    installed: "3.13.2-1.el8",
  });
  assert.deepEqual(await asked("rocky-9", { rpm: absent, dnf: list }), { offered: "3.13.7-1.el8" });
  // Never online: the probe has seconds.
  const offline = `case " $* " in *" -C "*) ${list} ;; esac`;
  assert.deepEqual(await asked("centos-7", { rpm: absent, yum: offline }), { offered: "3.13.7-1.el8" });
});

function faults(found: readonly BrokerPackage[], given: Partial<IntendedSetup> = {}): string[] {
  const probed = machines.map((machine, index) => {
    const facts = parseProbeOutput("clock=1", 0);
    assert.ok("rabbitmq" in facts);
    return { machine, facts: { ...facts, rabbitmq: found[index] ?? {} } };
  });
  return rabbitmqFaults(probed, { ...plan, ...given });
}

test("ram nodes are judged by the version that is found, not by the system's name", () => {
  const ramNodes = ["mq2"];
  assert.doesNotMatch(
    faults([{ offered: "3.10.8-1" }], { ramNodes, os: "debian-13" }).join("\n"),
    /ram node/,
  );
  assert.deepEqual(faults([], { ramNodes, os: "debian-12" }), []);
  assert.deepEqual(faults([{ installed: "4.0.5-6" }], { ramNodes, os: "debian-12" }), [
    "mq2 (10.0.0.2): is to be a ram node, which RabbitMQ 4.0.5-6 (installed) does not support; write type: disc, or leave the key out",
  ]);
  assert.deepEqual(faults([], { ramNodes, packages: { brokerVersion: "4.1.0-1" } }), [
    "mq2 (10.0.0.2): is to be a ram node, which RabbitMQ 4.1.0-1 (as packages.rabbitmq states) does not support; write type: disc, or leave the key out",
  ]);
});

test("mirrored queues are judged by the version that is found, not by the system's name", () => {
  const queues = "mirrored";
  assert.doesNotMatch(faults([{ offered: "3.10.8-1" }], { queues, os: "debian-13" }).join("\n"), /mirrored/);
  assert.deepEqual(faults([{ offered: "4.0.5-6" }], { queues }), [
    "rabbitmq.queues: RabbitMQ 4.0.5-6 (offered by the machines' package sources) has no mirrored queues; write rabbitmq.queues: quorum, and remove rabbitmq.policy",
  ]);
  assert.deepEqual(faults([{ offered: "4.0.5-6" }], { queues: "quorum" }), []);
});

test("a version to which no rolling upgrade leads is refused on each broker that has another one", () => {
  const packages = { brokerVersion: "3.12.1-1" };
  assert.deepEqual(faults([{ installed: "3.10.8-1" }, {}, { installed: "3.11.18-1" }], { packages }), [
    'mq1 (10.0.0.1): packages.rabbitmq.version = "3.12.1-1": from 3.10.8 to 3.12 the way is: first 3.11.18, then 3.12',
  ]);
});

test("a broker is refused whose version may not start with what is configured for another one", () => {
  const queues = "quorum";
  const series = (name: string): Partial<IntendedSetup> => ({
    queues,
    packages: {
      repository: { url: "https://packages.example.com", isFlat: false, isTrusted: true, series: name },
    },
  });
  const remedy = (version: string): string =>
    `write packages.rabbitmq.version: "${version}", or to upgrade the version that is wanted: docs/rolling.md`;
  const unfit = (...given: Parameters<typeof faults>): string[] =>
    faults(...given).filter((text) => text.includes("configuration"));
  assert.deepEqual(unfit([{ installed: "3.10.8-1" }], series("4.2")), [
    `mq1 (10.0.0.1): has RabbitMQ 3.10.8-1, and its configuration would be that of RabbitMQ 4.2 (as packages.rabbitmq states); ${remedy("3.10.8-1")}`,
  ]);
  // On Mnesia a broker without a partition handling runs on alone; RabbitMQ 4.3 takes the key and does not use it.
  assert.equal(unfit([{ installed: "4.0.5-6" }], series("4.3")).length, 1);
  assert.deepEqual(unfit([{ offered: "4.3.6-1" }], { queues }), []);
  assert.deepEqual(unfit([{ installed: "3.11.9-1" }], { queues, os: "ubuntu-24.04" }), [
    `mq1 (10.0.0.1): has RabbitMQ 3.11.9-1, and its configuration would be that of RabbitMQ 3.12 (as ubuntu-24.04 is known to install); ${remedy("3.11.9-1")}`,
  ]);
  assert.deepEqual(unfit([{ installed: "3.11.9-1" }], { queues: "mirrored", os: "ubuntu-24.04" }), []);
  assert.deepEqual(unfit([{ installed: "4.2.1-1" }], series("4.2")), []);
  assert.deepEqual(unfit([{ offered: "3.10.8-1" }], series("4.3")), []);
  assert.deepEqual(unfit([{ installed: "4.2.1-1" }], { queues, packages: { brokerVersion: "4.3.6-1" } }), []);
});

test("a RabbitMQ that is older than all that the program knows is refused", () => {
  assert.deepEqual(faults([{ installed: "3.3.5-34.el7" }], { queues: "quorum" }).slice(0, 1), [
    "mq1 (10.0.0.1): has RabbitMQ 3.3.5-34.el7, which stays, and the oldest that the program can set up is 3.8; upgrade it, or remove the package and move its data away",
  ]);
});

test("a broker that would get another series than the others is refused", () => {
  const has = { installed: "3.10.8-1", offered: "3.10.9-1" };
  const remedy = "give it the same sources, or state packages.rabbitmq.version";
  assert.deepEqual(faults([has, has, { offered: "3.10.20-1" }]), []);
  assert.deepEqual(faults([has, has, {}]), []);
  assert.deepEqual(faults([has, has, { offered: "4.0.5-6" }]), [
    `mq3 (10.0.0.3): its package sources offer RabbitMQ 4.0.5-6, and the other brokers have 3.10; ${remedy}`,
  ]);
  assert.deepEqual(faults([{ offered: "3.10.8" }, { offered: "3.10.9" }, { offered: "4.0.5-6" }]), [
    `mq3 (10.0.0.3): its package sources offer RabbitMQ 4.0.5-6, and the other brokers are offered 3.10; ${remedy}`,
  ]);
  assert.deepEqual(faults([has, { installed: "3.11.1-1" }, { offered: "3.11.2-1" }]), []);
  assert.deepEqual(
    faults([has, has, { offered: "4.0.5-6" }], { packages: { brokerVersion: "3.10.8-1" } }),
    [],
  );
});
