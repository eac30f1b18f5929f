/** What a broker is restarted for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { renderBrokerConfiguration } from "../../../components/broker-configuration.ts";
import type { Host } from "../../../hosts/host.ts";

function configurationWith(settings: Record<string, string | number>, hasMnesia = true) {
  return renderBrokerConfiguration({
    host: { name: "mq1", os: "debian-12" } as Host,
    brokers: ["mq1", "mq2", "mq3"],
    settings: { channel_max: 100, ...settings },
    ports: { amqp: 5672, management: 15672, prometheus: 15692 },
    netTickTime: 5,
    hasMnesia,
  });
}

function hashWith(settings: Record<string, string | number>): string {
  return configurationWith(settings).hash;
}

test("only brokers whose tables can be in Mnesia get a partition handling, unless the user insists", () => {
  const handling = /^cluster_partition_handling = (.*)$/m;
  assert.equal(handling.exec(configurationWith({}).conf)?.[1], "pause_minority");
  assert.doesNotMatch(configurationWith({}, false).conf, handling);
  const insisted = configurationWith({ cluster_partition_handling: "ignore" }, false);
  assert.equal(handling.exec(insisted.conf)?.[1], "ignore");
});

test("a broker is not restarted to narrow its metrics page, but to open it", () => {
  // The user's own line is at another place than the program's.
  assert.equal(hashWith({ "prometheus.tcp.ip": "127.0.0.1" }), hashWith({}));
  assert.notEqual(hashWith({ "prometheus.tcp.ip": "0.0.0.0" }), hashWith({}));
});
