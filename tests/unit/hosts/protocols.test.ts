/** The table of protocols: what follows from it elsewhere is tested there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  defaultPorts as ports,
  defaultTlsPorts,
  frontendsOf,
  mainPorts,
  portSettings,
  protocols,
  servedProtocols,
  servedTlsPorts,
} from "../../../hosts/protocol-ports.ts";

test("only AMQP needs no plug-in", () => {
  assert.deepEqual(
    servedProtocols({ ports, plugins: [] }).map(({ name }) => name),
    ["amqp"],
  );
});

test("the usual plug-ins put AMQP and the console behind the balancers, with the stack's own ports", () => {
  const plugins = ["rabbitmq_management", "rabbitmq_prometheus"];
  assert.deepEqual(
    frontendsOf({ ports: { ...ports, amqp: 5673 }, plugins }).map(({ proxy, port }) => `${proxy} ${port}`),
    ["rabbitmq_cluster 5673", "rabbitmq_management 15672"],
  );
});

test("no port, name or proxy is in the table twice", () => {
  const all = protocols.flatMap(({ port, tls }) => [port, ...(tls === undefined ? [] : [tls.port])]);
  const proxies = protocols.flatMap(({ proxy }) => proxy ?? []);
  for (const list of [all, protocols.map(({ name }) => name), proxies]) {
    assert.equal(new Set<unknown>(list).size, list.length);
  }
});

test("with TLS a protocol has a second port and proxy, or only that port", () => {
  const plugins = ["rabbitmq_management"];
  const list = (only: boolean): string[] =>
    frontendsOf({ ports, plugins, tls: { only, ports: { amqp: 5671, management: 15671 } } }).map(
      ({ proxy, port, configKey }) => `${proxy} ${port} ${configKey}`,
    );
  assert.deepEqual(list(false), [
    "rabbitmq_cluster 5672 rabbitmq.ports.amqp",
    "rabbitmq_management 15672 rabbitmq.ports.management",
    "rabbitmq_cluster_tls 5671 tls.ports.amqp",
    "rabbitmq_management_tls 15671 tls.ports.management",
  ]);
  assert.deepEqual(list(true), [
    "rabbitmq_cluster 5671 tls.ports.amqp",
    "rabbitmq_management 15671 tls.ports.management",
  ]);
});

const further = [
  "rabbitmq_mqtt",
  "rabbitmq_stomp",
  "rabbitmq_web_mqtt",
  "rabbitmq_web_stomp",
  "rabbitmq_stream",
];

test("TLS has the ports of the plug-ins that are there, and of no other", () => {
  assert.deepEqual(servedTlsPorts(defaultTlsPorts, ["rabbitmq_management", "rabbitmq_prometheus"]), {
    amqp: 5671,
    management: 15671,
  });
  assert.deepEqual(servedTlsPorts({ ...defaultTlsPorts, stomp: 7000 }, further), {
    amqp: 5671,
    mqtt: 8883,
    stomp: 7000,
    webMqtt: 15676,
    webStomp: 15673,
    stream: 5551,
  });
});

test("a plug-in's proxy with TLS goes by AMQP's with TLS, whose checks pass while the plain ports are closed", () => {
  const follow = (only: boolean): string[] => {
    const tls = { only, ports: servedTlsPorts(defaultTlsPorts, further) };
    return frontendsOf({ ports: mainPorts(ports, tls), plugins: further, tls }).flatMap(
      ({ proxy, port, follows, isTls }) => (isTls ? [`${proxy} ${port} ${follows ?? "itself"}`] : []),
    );
  };
  assert.deepEqual(follow(false), [
    "rabbitmq_cluster_tls 5671 itself",
    "rabbitmq_mqtt_tls 8883 rabbitmq_cluster_tls",
    "rabbitmq_stomp_tls 61614 rabbitmq_cluster_tls",
    "rabbitmq_web_mqtt_tls 15676 rabbitmq_cluster_tls",
    "rabbitmq_web_stomp_tls 15673 rabbitmq_cluster_tls",
    "rabbitmq_stream_tls 5551 rabbitmq_cluster_tls",
  ]);
  assert.deepEqual(follow(true), [
    "rabbitmq_cluster 5671 itself",
    "rabbitmq_mqtt 8883 rabbitmq_cluster",
    "rabbitmq_stomp 61614 rabbitmq_cluster",
    "rabbitmq_web_mqtt 15676 rabbitmq_cluster",
    "rabbitmq_web_stomp 15673 rabbitmq_cluster",
    "rabbitmq_stream 5551 rabbitmq_cluster",
  ]);
});

test("a port with TLS never sets the line of a plain one", () => {
  for (const only of [false, true]) {
    const tls = { only, ports: servedTlsPorts(defaultTlsPorts, further) };
    assert.deepEqual(portSettings({ ports: mainPorts(ports, tls), plugins: further, tls }), []);
  }
});
