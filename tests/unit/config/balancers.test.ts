/** The settings of the balancers and of the virtual address. */
import assert from "node:assert/strict";
import test from "node:test";
import { parseConfig } from "../../../config/config.ts";
import { draft, faults, refuses } from "./draft.ts";

test("refuses the same port twice on a balancer", () => {
  refuses({ "haproxy.statsPort": 15672 }, [
    "haproxy.statsPort = 15672: already the port of rabbitmq-ha:rabbitmq.ports.management on the same host; write another",
  ]);
});

test("refuses invalid numbers of connections", () => {
  refuses({ "haproxy.maxConnections.global": 0, "haproxy.maxConnections.proxy": -1 }, [
    "haproxy.maxConnections.global = 0: not a number of connections; write a whole number from 1 to 522240",
    "haproxy.maxConnections.proxy = -1: not a number of connections; write a whole number, 1 or more",
  ]);
});

test("refuses an unknown algorithm", () => {
  refuses({ "haproxy.balance": "random" }, [
    'haproxy.balance = "random": not a supported algorithm; write roundrobin, leastconn, static-rr, first or source',
  ]);
});

test("refuses a duration without a unit", () => {
  refuses({ "haproxy.checkInterval": "5" }, [
    'haproxy.checkInterval = "5": not a duration; write a whole number with ms, s, m, h or d, such as 500ms or 5s',
  ]);
});

test("refuses a duration as a number", () => {
  refuses({ "haproxy.timeouts.client": 5000 }, [
    "haproxy.timeouts.client = 5000: not a duration; write a whole number with ms, s, m, h or d, such as 500ms or 5s",
  ]);
});

test("refuses a duration of zero", () => {
  refuses({ "haproxy.timeouts.client": "0s" }, [
    'haproxy.timeouts.client = "0s": not a duration; write a whole number with ms, s, m, h or d, such as 500ms or 5s',
  ]);
});

test("refuses a duration too long for HAProxy", () => {
  refuses({ "haproxy.timeouts.client": "25d" }, [
    'haproxy.timeouts.client = "25d": longer than HAProxy\'s timers can be; write at most 24d',
  ]);
});

test("refuses invalid numbers of checks", () => {
  refuses({ "haproxy.rise": 0, "haproxy.fall": 1.5 }, [
    "haproxy.rise = 0: not a number of checks; write a whole number, 1 or more",
    "haproxy.fall = 1.5: not a number of checks; write a whole number, 1 or more",
  ]);
});

test("refuses a path without a slash", () => {
  refuses({ "haproxy.statsPath": "stats" }, [
    'haproxy.statsPath = "stats": not a path; write one that starts with a slash, such as /rabbitmq-stats',
  ]);
});

test("refuses an incomplete source", () => {
  refuses({ "haproxy.source": { version: "2.8.26" } }, [
    "haproxy.source.url: missing; write the tarball's URL, with http or https",
    "haproxy.source.sha256: missing; write the tarball's SHA-256, 64 hexadecimal digits",
  ]);
});

test("refuses an invalid source", () => {
  refuses({ "haproxy.source": { version: "2.8", url: "file:///tmp/x.tar.gz", sha256: "abc" } }, [
    'haproxy.source.version = "2.8": not a version of HAProxy; write three numbers such as 2.8.26',
    'haproxy.source.url = "file:///tmp/x.tar.gz": not a URL; write the tarball\'s URL, with http or https',
    'haproxy.source.sha256 = "abc": not a SHA-256; write the tarball\'s SHA-256, 64 hexadecimal digits',
  ]);
});

test("refuses a source's URL with a password, and does not show the password", () => {
  refuses(
    {
      "haproxy.source": {
        version: "2.8.26",
        url: "ftp://me:hunter2@host/x",
        sha256: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      },
    },
    ['haproxy.source.url = "ftp://…@host/x": not a URL; write the tarball\'s URL, with http or https'],
  );
});

test("refuses a virtual router id out of range", () => {
  refuses({ "keepalived.virtualRouterId": 300 }, [
    "keepalived.virtualRouterId = 300: not a virtual router id; write a whole number from 1 to 255",
  ]);
});

test("refuses an interval out of range", () => {
  refuses({ "keepalived.advertisementInterval": 41 }, [
    "keepalived.advertisementInterval = 41: not an advertisement interval; write seconds from 0.01 to 40.95, in steps of 0.01",
  ]);
});

test("refuses an interval that is not a multiple of 0.01", () => {
  refuses({ "keepalived.advertisementInterval": 0.205 }, [
    "keepalived.advertisementInterval = 0.205: not an advertisement interval; write seconds from 0.01 to 40.95, in steps of 0.01",
  ]);
});

test("refuses an interval as text", () => {
  refuses({ "keepalived.advertisementInterval": "0.2" }, [
    'keepalived.advertisementInterval = "0.2": a text, because of its quotes; write seconds from 0.01 to 40.95, in steps of 0.01',
  ]);
});

test("refuses an invalid flag", () => {
  refuses({ "keepalived.preempt": "yes" }, [
    'keepalived.preempt = "yes": neither true nor false; write true if the first balancer shall take the address back, or false',
  ]);
});

test("refuses an invalid interface", () => {
  refuses({ "keepalived.interface": "" }, [
    'keepalived.interface = "": not a network interface; write a name such as eth1 or eth0.100, or leave the key out',
  ]);
});

test("refuses an invalid prefix length", () => {
  refuses({ "keepalived.prefixLength": 33 }, [
    "keepalived.prefixLength = 33: not a prefix length; write a whole number of bits from 1 to 32",
  ]);
});

test("refuses names that no network interface has, or that a shell would run", () => {
  for (const name of ["$(id)", "a b", "eth0/1", "eth0:1", ".", "..", "-eth0", "abcdefghijklmnop", "eth0\n"]) {
    const [line = ""] = faults(draft({ "keepalived.interface": name }));
    assert.ok(line.startsWith(`keepalived.interface = ${JSON.stringify(name)}: `), line);
    assert.match(line, /write a name such as eth1 or eth0\.100, or leave the key out/);
  }
  for (const name of ["eth0.100", "bond0", "vlan_7", "br-lan", "abcdefghijklmno"]) {
    assert.equal(parseConfig(draft({ "keepalived.interface": name })).keepalived.interface, name);
  }
});

test("refuses more connections than the kernel has descriptors for", () => {
  refuses({ "haproxy.maxConnections.global": 522241 }, [
    "haproxy.maxConnections.global = 522241: not a number of connections; write a whole number from 1 to 522240",
  ]);
  assert.doesNotThrow(() => parseConfig(draft({ "haproxy.maxConnections.global": 522240 })));
});

test("refuses a port of a plug-in's protocol that is taken, where the plug-in is switched on", () => {
  const taken = { "rabbitmq.ports.mqtt": 5672 };
  assert.equal(parseConfig(draft(taken)).rabbitmq.ports.mqtt, 5672);
  const plugins = ["rabbitmq_management", "rabbitmq_prometheus", "rabbitmq_mqtt"];
  assert.deepEqual(faults(draft({ ...taken, "rabbitmq.plugins": plugins })), [
    "rabbitmq.ports.mqtt = 5672: already the port of rabbitmq-ha:rabbitmq.ports.amqp on the same host; write another",
  ]);
});

test("accepts the networks of those who read the metrics, and refuses an empty list and an address without a prefix", () => {
  assert.deepEqual(parseConfig(draft({ metricsFrom: ["10.9.0.0/24"] })).metricsFrom, ["10.9.0.0/24"]);
  assert.match(faults(draft({ metricsFrom: [] })).join("\n"), /names nobody/);
  assert.equal(faults(draft({ metricsFrom: ["10.9.0.7"] })).length, 1);
});

test("takes other brokers for the balancers, each with a name and an address", () => {
  const brokers = [{ name: "n1", address: "192.168.57.1" }];
  assert.deepEqual(parseConfig(draft({ "haproxy.brokers": brokers })).haproxy.brokers, brokers);
  assert.equal(parseConfig(draft({})).haproxy.brokers, undefined);
  refuses({ "haproxy.brokers": [] }, [
    "haproxy.brokers = []: no brokers; write one or more, or leave the key out",
  ]);
  refuses({ "haproxy.brokers": [{ name: "n1", address: "nine" }] }, [
    'haproxy.brokers[0].address = "nine": not an address; write an IPv4 address such as 192.168.56.120',
  ]);
  refuses({ "haproxy.brokers": brokers, "haproxy.proxyProtocol": true }, [
    "haproxy.brokers = […]: beside haproxy.proxyProtocol, which these brokers may not expect; write that as false",
  ]);
  refuses({ "haproxy.brokers": [...brokers, ...brokers] }, [
    "haproxy.brokers = […]: the same name or address twice; write each broker once",
  ]);
});
