/** What a broker is restarted for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { renderBrokerConfiguration } from "../../../components/broker-configuration.ts";
import type { Host } from "../../../hosts/host.ts";

function hashWith(settings: Record<string, string | number>): string {
  return renderBrokerConfiguration({
    host: { name: "mq1", os: "debian-12" } as Host,
    brokers: ["mq1", "mq2", "mq3"],
    settings: { channel_max: 100, ...settings },
    ports: { amqp: 5672, management: 15672, prometheus: 15692 },
    netTickTime: 5,
  }).hash;
}

test("a broker is not restarted to narrow its metrics page, but to open it", () => {
  // The user's own line is at another place than the program's.
  assert.equal(hashWith({ "prometheus.tcp.ip": "127.0.0.1" }), hashWith({}));
  assert.notEqual(hashWith({ "prometheus.tcp.ip": "0.0.0.0" }), hashWith({}));
});
