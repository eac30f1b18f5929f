/** The repository with the brokers' packages: its documents, and what a real apt takes from it. */
import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import type { BrokerRepository } from "../../../hosts/host.ts";
import { aptDocuments, rpmDocument } from "../../../remote/broker-repository.ts";
import { makeScratchFolder } from "../../support/bash.ts";

const team: BrokerRepository = { isFlat: false, series: "4.2", isTrusted: false };

test("Team RabbitMQ's apt repository: both servers, its key, RabbitMQ's series and its Erlang, and nothing else", () => {
  const { list, preferences } = aptDocuments(team, "debian-12");
  const trust = "signed-by=/etc/apt/keyrings/rabbitmq-ha.asc";
  const line = (server: number, part: string): string =>
    `deb [${trust}] https://deb${server}.rabbitmq.com/rabbitmq-${part}/debian/bookworm bookworm main`;
  assert.deepEqual(list.split("\n"), [
    "# Written by rabbitmq-ha: the repository of packages.rabbitmq.repository.",
    ...[line(1, "erlang"), line(2, "erlang"), line(1, "server"), line(2, "server"), ""],
  ]);
  assert.match(preferences, /Package: rabbitmq-server\nPin: version 4\.2\.\*\nPin-Priority: 990/);
  assert.match(preferences, /Package: erlang\*\nPin: version 1:27\.\*\nPin-Priority: 990/);
  assert.match(preferences, /Package: \*\nPin: origin "deb2.rabbitmq.com"\nPin-Priority: 100/);
});

test("where the system's own Erlang is new enough, the repository has none", () => {
  assert.doesNotMatch(aptDocuments(team, "debian-13").list, /erlang/);
  const { list, preferences } = aptDocuments({ ...team, series: "3.13" }, "ubuntu-24.04");
  assert.match(list, /rabbitmq-erlang\/ubuntu\/noble noble main\n/);
  assert.match(preferences, /version 1:26\.\*/);
});

test("a mirror is laid out like Team RabbitMQ's servers", () => {
  const { list } = aptDocuments({ ...team, url: "https://mirror.example.org/rmq" }, "debian-13");
  assert.match(
    list,
    /\] https:\/\/mirror\.example\.org\/rmq\/rabbitmq-server\/debian\/trixie trixie main\n$/,
  );
  const repo = rpmDocument({ ...team, url: "https://mirror.example.org/rmq" }, "rocky-9");
  assert.match(repo, /^baseurl=https:\/\/mirror\.example\.org\/rmq\/rabbitmq\/el\/9\/noarch$/m);
  assert.match(repo, /^baseurl=https:\/\/mirror\.example\.org\/rmq\/erlang\/el\/9\/\$basearch$/m);
});

test("dnf gets the stated series with its Erlang, and checks signatures unless the repository is trusted", () => {
  const repo = rpmDocument(team, "rocky-8");
  assert.match(repo, /^includepkgs=rabbitmq-server-4\.2\.\*$/m);
  assert.match(repo, /^includepkgs=erlang-27\.\*$/m);
  assert.equal(repo.match(/^gpgcheck=1$/gm)?.length, 2);
  const flat = { url: "file:///srv/rmq", isFlat: true, series: "4.3", isTrusted: true };
  assert.equal(rpmDocument(flat, "rocky-9").match(/^gpgcheck=0\nrepo_gpgcheck=0$/gm)?.length, 2);
  const key = { url: "https://example.org/key.asc", fingerprint: "A".repeat(40) };
  const signed = rpmDocument({ ...flat, isTrusted: false, key }, "rocky-9");
  assert.match(
    signed,
    /^gpgcheck=1\nrepo_gpgcheck=0\ngpgkey=file:\/\/\/etc\/pki\/rpm-gpg\/rabbitmq-ha\.asc$/m,
  );
});

const folder = await makeScratchFolder();
const isolated = [
  ...[
    "Etc::sourcelist=/dev/null",
    `Etc::sourceparts=${folder}/sources`,
    `Etc::preferencesparts=${folder}/pins`,
  ],
  ...["Etc::preferences=/dev/null", `State=${folder}/state`, `Cache=${folder}/cache`],
  `State::status=${folder}/status`,
].flatMap((option) => ["-o", `Dir::${option}`]);

async function apt(...words: string[]): Promise<string> {
  const options = [...isolated, "-o", "APT::Sandbox::User=root", "-o", "APT::Architecture=amd64"];
  const { all } = await execa("apt-get", [...options, "-q", ...words], { all: true, reject: false });
  return all;
}

/** Makes a flat repository of these packages, as NAME, VERSION and what they depend on. */
async function makeRepository(name: string, packages: readonly (readonly string[])[]): Promise<string> {
  await mkdir(join(folder, name), { recursive: true });
  const paragraphs = packages.map(
    ([package_ = "", version = "", depends = ""]) =>
      `Package: ${package_}\nVersion: ${version}\nArchitecture: amd64\nMaintainer: x <x@example.org>\nDescription: x\n` +
      `${depends === "" ? "" : `Depends: ${depends}\n`}Filename: ./${package_}.deb\nSize: 1\nSHA256: ${"0".repeat(64)}\n`,
  );
  await writeFile(join(folder, name, "Packages"), paragraphs.join("\n"));
  return `file://${folder}/${name}`;
}

const hasApt = (await execa("apt-get", ["--version"], { reject: false })).exitCode === 0;

test("of a flat repository a real apt takes the series and what it needs", { skip: !hasApt }, async () => {
  for (const each of ["sources", "pins", "state/lists/partial", "cache/archives/partial"])
    await mkdir(join(folder, each), { recursive: true });
  await writeFile(join(folder, "status"), "");
  const system = await makeRepository("system", [
    ["rabbitmq-server", "4.0.5-6", "erlang-base"],
    ["erlang-base", "1:27.3"],
    ["libc6", "2.41"],
    ["haproxy", "3.0"],
  ]);
  const url = await makeRepository("vendor", [
    ["rabbitmq-server", "4.3.6-1", "erlang-base (>= 1:27), libc6 (>= 2.43)"],
    ["rabbitmq-server", "4.4.0-1", "erlang-base"],
    ["erlang-base", "1:29.0", "libc6 (>= 2.43)"],
    ["libc6", "2.43"],
  ]);
  await writeFile(join(folder, "sources/system.list"), `deb [trusted=yes] ${system} ./\n`);
  const { list, preferences } = aptDocuments(
    { url, isFlat: true, series: "4.3", isTrusted: true },
    "debian-13",
  );
  // What the packages depend on is not put off: of a server that has a name, apt would see the difference.
  assert.doesNotMatch(preferences, /^Package: \*$/m);
  await writeFile(join(folder, "sources/rabbitmq-ha.list"), list);
  await writeFile(join(folder, "pins/rabbitmq-ha"), preferences);
  await apt("update");
  const install = ["-s", "install", "--no-install-recommends"];
  for (const wanted of ["rabbitmq-server", "rabbitmq-server=4.3.*"]) {
    const said = (await apt(...install, wanted)).match(/^Inst \S+ \(\S+/gm)?.sort();
    assert.deepEqual(said, ["Inst erlang-base (1:29.0", "Inst libc6 (2.43", "Inst rabbitmq-server (4.3.6-1"]);
  }
  // The repository does not answer: nothing else is installed in its place.
  await rm(join(folder, "vendor"), { recursive: true });
  await rm(join(folder, "state/lists"), { recursive: true });
  await apt("update");
  assert.match(
    await apt(...install, "rabbitmq-server=4.3.*"),
    /Version '4\.3\.\*' for 'rabbitmq-server' was not found/,
  );
});
