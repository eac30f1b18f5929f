/** What the program on the hosts is told of packages: where they come from, and which version the broker's has. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { OperatingSystem, PackageSources } from "../../../hosts/host.ts";
import { brokerUpgrade } from "../../../remote/packages.ts";
import { sourceOptions } from "../../../remote/sources.ts";
import { commandLine } from "../../../remote/step.ts";
import { systems } from "../../../hosts/systems.ts";

const upgrade = (os: OperatingSystem, packages?: PackageSources) =>
  brokerUpgrade(packages === undefined ? { os } : { os, packages });
const rpms = {
  erlang: { url: "file:///erlang.rpm", sha256: "a".repeat(64) },
  rabbitmq: { url: "file:///rabbitmq.rpm", sha256: "b".repeat(64) },
};
const { archive } = systems["centos-7"];

test("without a mirror nobody is told what it would stand in for", () => {
  assert.deepEqual(sourceOptions({ os: "debian-12" }), { installer: "apt" });
  assert.deepEqual(sourceOptions({ os: "rocky-9", packages: { mirror: "" } }), { installer: "dnf" });
});

test("a mirror is told without the slash at its end; CentOS 7 has one by itself", () => {
  const packages = { mirror: "http://m.example.org/7/" };
  assert.deepEqual(sourceOptions({ os: "centos-7", packages }), {
    installer: "yum",
    archive,
    mirror: "http://m.example.org/7",
  });
  assert.equal(sourceOptions({ os: "centos-7" })["mirror"], systems["centos-7"].mirror);
});

test("the archive's pattern comes through the shell as it is", () => {
  const line = commandLine("sources", sourceOptions({ os: "centos-7" }), { sudo: false });
  assert.ok(
    line.startsWith(`rabbitmq-ha sources --installer yum --archive '${archive}' --mirror http`),
    line,
  );
});

test("where no version is stated, a restart is told nothing of packages", () => {
  assert.deepEqual(upgrade("debian-12"), {});
  assert.deepEqual(upgrade("centos-7", { rpms, proxy: "http://p.example.org:3128" }), {});
});

test("a stated version comes from where the first one came from", () => {
  const proxy = "http://p.example.org:3128";
  assert.deepEqual(upgrade("debian-12", { brokerVersion: "3.10.8-2", proxy, mirror: "http://m" }), {
    packageVersion: "3.10.8-2",
    installer: "apt",
    proxy,
  });
  assert.deepEqual(upgrade("rocky-9", { brokerVersion: "3.13.7-1.el8", proxy }), {
    packageVersion: "3.13.7-1.el8",
    installer: "dnf",
    proxy,
  });
  assert.deepEqual(upgrade("centos-7", { brokerVersion: "3.9.16-1.el7", proxy, rpms, mirror: "http://m" }), {
    packageVersion: "3.9.16-1.el7",
    ...rpms.rabbitmq,
    installer: "yum",
    archive,
    mirror: "http://m",
    proxy,
  });
});
