/** The package options of the program on the hosts: the sources, and the version of the broker's package. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { OperatingSystem, PackageSources } from "../../../hosts/host.ts";
import { brokerUpgradeOptions } from "../../../remote/packages.ts";
import { sourceOptions } from "../../../remote/sources.ts";
import { commandLine } from "../../../remote/step.ts";
import { systems } from "../../../hosts/systems.ts";

const upgrade = (os: OperatingSystem, packages?: PackageSources) =>
  brokerUpgradeOptions(packages === undefined ? { os } : { os, packages });
const rpms = {
  erlang: { url: "file:///erlang.rpm", sha256: "a".repeat(64) },
  rabbitmq: { url: "file:///rabbitmq.rpm", sha256: "b".repeat(64) },
};
const { archive } = systems["centos-7"];

test("without a mirror there is no pattern of URLs to replace", () => {
  assert.deepEqual(sourceOptions({ os: "debian-12" }), { installer: "apt" });
  assert.deepEqual(sourceOptions({ os: "rocky-9", packages: { mirror: "" } }), { installer: "dnf" });
});

test("the slash at the end of a mirror is removed; CentOS 7 has a mirror by default", () => {
  const packages = { mirror: "http://m.example.org/7/" };
  assert.deepEqual(sourceOptions({ os: "centos-7", packages }), {
    installer: "yum",
    archive,
    mirror: "http://m.example.org/7",
  });
  assert.equal(sourceOptions({ os: "centos-7" })["mirror"], systems["centos-7"].mirror);
});

test("the shell passes the archive's pattern unchanged", () => {
  const line = commandLine("sources", sourceOptions({ os: "centos-7" }), { sudo: false });
  assert.ok(
    line.startsWith(`rabbitmq-ha sources --installer yum --archive '${archive}' --mirror http`),
    line,
  );
});

test("without a configured version, a restart has no package options", () => {
  assert.deepEqual(upgrade("debian-12"), {});
  assert.deepEqual(upgrade("centos-7", { rpms, proxy: "http://p.example.org:3128" }), {});
});

test("a configured version comes from the same source as the first installation", () => {
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
