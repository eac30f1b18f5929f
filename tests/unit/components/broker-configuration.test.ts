/** What a broker is restarted for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { renderBrokerConfiguration } from "../../../components/broker-configuration.ts";
import type { Host } from "../../../hosts/host.ts";
import { defaultPorts as ports } from "../../../hosts/protocol-ports.ts";

type Args = Parameters<typeof renderBrokerConfiguration>[0];

function renderWith(
  settings: Args["settings"],
  more: Partial<Args> = {},
): ReturnType<typeof renderBrokerConfiguration> {
  return renderBrokerConfiguration({
    host: { name: "mq1", os: "debian-12" } as Host,
    brokers: ["mq1", "mq2", "mq3"],
    settings: { channel_max: 100, ...settings },
    ports,
    plugins: ["rabbitmq_management"],
    netTickTime: 5,
    ...more,
  });
}
const hashWith = (settings: Args["settings"]): string => renderWith(settings).hash;

test("only brokers whose tables can be in Mnesia get a partition handling, unless the user insists", () => {
  const handling = /^cluster_partition_handling = (.*)$/m;
  assert.equal(handling.exec(renderWith({}).conf)?.[1], "pause_minority");
  assert.doesNotMatch(renderWith({}, { hasMnesia: false }).conf, handling);
  const insisted = renderWith({ cluster_partition_handling: "ignore" }, { hasMnesia: false });
  assert.equal(handling.exec(insisted.conf)?.[1], "ignore");
});

test("a broker is not restarted to narrow its metrics page, but to open it", () => {
  // The user's own line is at another place than the program's.
  assert.equal(hashWith({ "prometheus.tcp.ip": "127.0.0.1" }), hashWith({}));
  assert.notEqual(hashWith({ "prometheus.tcp.ip": "0.0.0.0" }), hashWith({}));
});

test("a plug-in with its own port is switched on without a restart; another port is a line of rabbitmq.conf", () => {
  const plugins = ["rabbitmq_management", "rabbitmq_mqtt"];
  assert.equal(renderWith({}, { plugins }).hash, hashWith({}));
  assert.match(
    renderWith({}, { plugins, ports: { ...ports, mqtt: 1884 } }).conf,
    /^mqtt\.listeners\.tcp\.default = 1884$/m,
  );
  assert.equal(renderWith({}, { ports: { ...ports, mqtt: 1884 } }).conf, renderWith({}).conf);
});
