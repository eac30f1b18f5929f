/** Where the hosts' software comes from, as it can be configured. */
import assert from "node:assert/strict";
import test from "node:test";
import { parseConfig } from "../../../config/config.ts";
import { systems } from "../../../hosts/systems.ts";
import { existingConfig } from "../../support/documents.ts";
import { asEngineConfig, type Blocks } from "../../support/dev-stack.ts";
import { faults } from "./draft.ts";

const sum = "0123456789abcdef".repeat(4);
const origin = { encrypted: new Set(["rabbitmq-ha:sshPrivateKey"]) };
const config = (os: string, packages: Blocks = {}): Record<string, string> =>
  asEngineConfig({ ...existingConfig(), os, packages });
const refuses = (os: string, packages: Blocks, lines: readonly string[]): void =>
  assert.deepEqual(faults(config(os, packages), origin), lines);

const url = (repository: string, file: string): string =>
  `https://github.com/rabbitmq/${repository}/releases/download/${file}`;
const erlang = url("erlang-rpm", "v23.3.4.18/erlang-23.3.4.18-1.el7.x86_64.rpm");
const rabbitmq = url("rabbitmq-server", "v3.9.16/rabbitmq-server-3.9.16-1.el7.noarch.rpm");

test("every system is taken, and without a block nothing is stated", () => {
  for (const os of Object.keys(systems).filter((name) => name !== "centos-7")) {
    assert.deepEqual(parseConfig(config(os), origin).packages, {}, os);
  }
});

test("CentOS 7 has the last RPMs that were made for it, once their sums are given", () => {
  const given = { erlang: { sha256: sum.toUpperCase() }, rabbitmq: { sha256: sum } };
  assert.deepEqual(parseConfig(config("centos-7", given), origin).packages, {
    rpms: { erlang: { url: erlang, sha256: sum }, rabbitmq: { url: rabbitmq, sha256: sum } },
  });
});

test("CentOS 7 without the sums is refused, with what prints them", () => {
  const words = "missing, and nothing is installed that was not checked; write what this prints: curl -L";
  refuses("centos-7", {}, [
    `packages.erlang.sha256: ${words} ${erlang} | sha256sum`,
    `packages.rabbitmq.sha256: ${words} ${rabbitmq} | sha256sum`,
  ]);
  const own = { erlang: { url: "file:///srv/erlang.rpm" }, rabbitmq: { sha256: sum } };
  refuses("centos-7", own, [`packages.erlang.sha256: ${words} file:///srv/erlang.rpm | sha256sum`]);
});

test("proxy, mirror and RPMs of one's own", () => {
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

test("one RPM of one's own without the other is refused", () => {
  const rpm = { url: "https://mirror.example.org/x.rpm", sha256: sum };
  refuses("rocky-8", { erlang: rpm }, [
    "packages.rabbitmq.url: missing; write where the RPM lies, or leave out both packages.erlang and packages.rabbitmq",
    "packages.rabbitmq.sha256: missing, and nothing is installed that was not checked; write what this prints: curl -L URL | sha256sum",
  ]);
});

test("RPMs are of no use where there are none", () => {
  refuses("debian-12", { erlang: { sha256: sum } }, [
    `packages.erlang.sha256 = "${sum}": of no use to debian-12, which has RabbitMQ among its own packages; remove it`,
  ]);
});

test("a version of the brokers' package is taken as the system's installer writes it", () => {
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

test("refuses what is no version of a package, and another package's", () => {
  for (const version of ["newest", "3.10.8 1", "3.10.8;x", "=3.10.8"]) {
    refuses("debian-12", { rabbitmq: { version } }, [
      `packages.rabbitmq.version = "${version}": not a package's version; write it as apt or dnf lists it, such as 3.10.8-1.1+deb12u1`,
    ]);
  }
  refuses("debian-12", { erlang: { version: "1" } }, [
    'packages.erlang.version = "1": unknown key; the keys here are url and sha256',
  ]);
});

test("refuses what is no address, and what would mean something to a shell", () => {
  refuses("debian-12", { proxy: "https://proxy.example.org" }, [
    'packages.proxy = "https://proxy.example.org": not an address; write the proxy\'s, such as http://proxy.example.org:3128',
  ]);
  for (const mirror of [
    "ftp://mirror.example.org",
    "mirror",
    "http://m/$(id)",
    "http://m/a b",
    "http://m/!",
  ]) {
    refuses("debian-12", { mirror }, [
      `packages.mirror = "${mirror}": not an address; write the mirror's base URL, with http, https or file`,
    ]);
  }
});

test("ram nodes are refused just where RabbitMQ is 4", () => {
  for (const [os, { rabbitmq: major }] of Object.entries(systems)) {
    const given = { erlang: { sha256: sum }, rabbitmq: { sha256: sum } };
    const blocks: Blocks = { ...existingConfig(), os, packages: os === "centos-7" ? given : {} };
    const brokers = (blocks["brokers"] as Blocks[]).map((broker, index) =>
      index === 2 ? { ...broker, type: "ram" } : broker,
    );
    const raw = asEngineConfig({ ...blocks, brokers });
    if (major === 3) assert.doesNotThrow(() => parseConfig(raw, origin), os);
    else assert.match(faults(raw, origin).join("\n"), /RabbitMQ 4.*knows no ram nodes/, os);
  }
});
