/** The table of protocols: what follows from it elsewhere is tested there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultPorts as ports, frontendsOf, protocols, servedProtocols } from "../../../hosts/protocols.ts";

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
  const all = protocols.flatMap(({ port, tlsPort }) => [port, tlsPort]);
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
