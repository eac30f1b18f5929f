/** The block `packages`, which says where the hosts' software comes from. */
import assert from "node:assert/strict";
import test from "node:test";
import { parseConfig } from "../../../config/config.ts";
import { systems } from "../../../hosts/systems.ts";
import { existingConfig } from "../../support/command-texts.ts";
import { asEngineConfig, type ConfigBlocks } from "../../support/dev-stack.ts";
import { faults } from "./draft.ts";

const sum = "0123456789abcdef".repeat(4);
const origin = { encrypted: new Set(["rabbitmq-ha:sshPrivateKey"]) };
const config = (os: string, packages: ConfigBlocks = {}): Record<string, string> =>
  asEngineConfig({ ...existingConfig(), os, packages });
const refuses = (os: string, packages: ConfigBlocks, lines: readonly string[]): void =>
  assert.deepEqual(faults(config(os, packages), origin), lines);

const url = (repository: string, file: string): string =>
  `https://github.com/rabbitmq/${repository}/releases/download/${file}`;
const erlang = url("erlang-rpm", "v23.3.4.18/erlang-23.3.4.18-1.el7.x86_64.rpm");
const rabbitmq = url("rabbitmq-server", "v3.9.16/rabbitmq-server-3.9.16-1.el7.noarch.rpm");

test("every system is accepted, and without the block nothing is set", () => {
  for (const os of Object.keys(systems).filter((name) => name !== "centos-7")) {
    assert.deepEqual(parseConfig(config(os), origin).packages, {}, os);
  }
});

test("CentOS 7 gets the last RPMs that were made for it, once their SHA-256 are given", () => {
  const given = { erlang: { sha256: sum.toUpperCase() }, rabbitmq: { sha256: sum } };
  assert.deepEqual(parseConfig(config("centos-7", given), origin).packages, {
    rpms: { erlang: { url: erlang, sha256: sum }, rabbitmq: { url: rabbitmq, sha256: sum } },
  });
});

test("CentOS 7 without SHA-256 is refused, with the command that prints them", () => {
  const message = "missing, and an RPM is not installed unchecked; write what this prints: curl -L";
  refuses("centos-7", {}, [
    `packages.erlang.sha256: ${message} ${erlang} | sha256sum`,
    `packages.rabbitmq.sha256: ${message} ${rabbitmq} | sha256sum`,
  ]);
  const own = { erlang: { url: "file:///srv/erlang.rpm" }, rabbitmq: { sha256: sum } };
  refuses("centos-7", own, [`packages.erlang.sha256: ${message} file:///srv/erlang.rpm | sha256sum`]);
});

test("accepts a proxy, a mirror and other RPMs", () => {
  const rpm = { url: "https://mirror.example.org/x.rpm", sha256: sum };
  const block = { proxy: "http://proxy.example.org:3128", mirror: "file:///srv/el9" };
  assert.deepEqual(
    parseConfig(config("rocky-9", { ...block, erlang: rpm, rabbitmq: rpm }), origin).packages,
    {
      ...block,
      rpms: { erlang: rpm, rabbitmq: rpm },
    },
  );
});

test("refuses one RPM without the other", () => {
  const rpm = { url: "https://mirror.example.org/x.rpm", sha256: sum };
  refuses("rocky-8", { erlang: rpm }, [
    "packages.rabbitmq.url: missing; write the URL of the RPM, or leave out both packages.erlang and packages.rabbitmq",
    "packages.rabbitmq.sha256: missing, and an RPM is not installed unchecked; write what this prints: curl -L URL | sha256sum",
  ]);
});

test("refuses RPMs on systems without RPMs", () => {
  refuses("debian-12", { erlang: { sha256: sum } }, [
    `packages.erlang.sha256 = "${sum}": not used on debian-12, which has its own RabbitMQ package; remove it`,
  ]);
});

test("accepts a version of the brokers' package as the package manager writes it", () => {
  for (const [os, version] of [
    ["debian-12", "3.10.8-1.1+deb12u1"],
    ["debian-13", "1:4.0.5-8~bpo1"],
    ["rocky-9", "3.13.7-1.el8"],
  ] as const) {
    const { packages } = parseConfig(config(os, { rabbitmq: { version } }), origin);
    assert.deepEqual(packages, { brokerVersion: version });
  }
  const given = { erlang: { sha256: sum }, rabbitmq: { sha256: sum, version: "3.9.16-1.el7" } };
  assert.deepEqual(parseConfig(config("centos-7", given), origin).packages, {
    brokerVersion: "3.9.16-1.el7",
    rpms: { erlang: { url: erlang, sha256: sum }, rabbitmq: { url: rabbitmq, sha256: sum } },
  });
});

test("refuses an invalid version, and the version of another package", () => {
  for (const version of ["newest", "3", "3.10.8 1", "3.10.8;x", "=3.10.8"]) {
    refuses("debian-12", { rabbitmq: { version } }, [
      `packages.rabbitmq.version = "${version}": not a package's version; write it as apt or dnf lists it, such as 3.10.8-1.1+deb12u1`,
    ]);
  }
  refuses("debian-12", { erlang: { version: "1" } }, [
    'packages.erlang.version = "1": unknown key; the keys here are url and sha256',
  ]);
});

test("refuses invalid URLs, and characters that are special in a shell", () => {
  refuses("debian-12", { proxy: "https://proxy.example.org" }, [
    'packages.proxy = "https://proxy.example.org": not a URL; write the proxy\'s URL, such as http://proxy.example.org:3128',
  ]);
  for (const mirror of [
    "ftp://mirror.example.org",
    "mirror",
    "http://m/$(id)",
    "http://m/a b",
    "http://m/!",
  ]) {
    refuses("debian-12", { mirror }, [
      `packages.mirror = "${mirror}": not a URL; write the mirror's base URL, with http, https or file`,
    ]);
  }
});
