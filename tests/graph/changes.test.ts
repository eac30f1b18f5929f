/** Which resources a change of one setting updates, and so what it can do on a host. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { devConfig, type ConfigBlocks } from "../support/dev-stack.ts";
import { balancers, brokers } from "../support/graph-facts.ts";
import { unwrapSecrets, runProgram, type ProgramRun } from "../support/program.ts";

/** Fixed values instead of generated secrets. */
const kept = {
  "erlang-cookie": "COOKIE",
  "admin-password": "PASSWORD",
  "lab-id": "dev-0123456789",
  "stack-id": "0123456789abcdef",
};

let dev: ProgramRun;
before(async () => {
  dev = await runProgram({ config: devConfig(), stashValues: kept });
});

/** @returns the names of the commands whose inputs differ, with the names of those inputs */
async function touched(key: string, settings: ConfigBlocks): Promise<string[]> {
  const config = devConfig();
  const changed = await runProgram({
    config: { ...config, [key]: { ...(config[key] as ConfigBlocks), ...settings } },
    stashValues: kept,
  });
  return changed.graph.nodes
    .filter(({ type }) => type === "command:remote:Command")
    .flatMap(({ name, inputs }) => {
      const old = dev.graph.get(name).inputs;
      const others = Object.keys(inputs).filter(
        (input) =>
          input !== "connection" &&
          JSON.stringify(unwrapSecrets(inputs[input])) !== JSON.stringify(unwrapSecrets(old[input])),
      );
      return others.map((input) => `${name} ${input}`);
    })
    .sort();
}

const each = (hosts: readonly string[], ...parts: string[]): string[] =>
  hosts.flatMap((host) => parts.map((part) => part.replace("*", host))).sort();

const changes: readonly (readonly [what: string, key: string, settings: ConfigBlocks, expected: string[]])[] =
  [
    [
      "a broker's setting: its file, the broker's restart step, and the balancers' wait for the broker",
      "rabbitmq",
      { settings: { channel_max: 1000 } },
      [...each(brokers, "*-config stdin", "*-restart stdin"), ...each(balancers, "haproxy-*-serving stdin")],
    ],
    [
      "plug-ins: the command that enables them in the running broker, and nothing that may restart it",
      "rabbitmq",
      { plugins: ["rabbitmq_management", "rabbitmq_prometheus", "rabbitmq_shovel"] },
      each(brokers, "*-plugins create"),
    ],
    [
      "a version of the package: the package step, the broker's restart step, and the balancers' wait for the broker",
      "packages",
      { rabbitmq: { version: "3.10.8-1.1+deb12u2" } },
      [
        ...each(brokers, "*-packages create", "*-restart create"),
        ...each(balancers, "haproxy-*-serving stdin"),
      ],
    ],
    [
      "a balancer's setting: its file, and the service that reloads it; no restart step",
      "haproxy",
      { maxConnections: { proxy: 2001 } },
      each(balancers, "haproxy-*-config stdin", "haproxy-*-serving stdin"),
    ],
  ];

for (const [what, key, settings, expected] of changes) {
  test(what, async () => {
    assert.deepEqual(await touched(key, settings), expected);
  });
}

test("another version of HAProxy changes the build, service and serving steps of each balancer", async () => {
  const source = (version: string): ConfigBlocks => ({
    source: {
      version,
      url: `https://example.org/${version}.tar.gz`,
      sha256: version.at(-1)?.repeat(64),
    },
  });
  const config = devConfig();
  const haproxy = config["haproxy"] as ConfigBlocks;
  const older = await runProgram({
    config: { ...config, haproxy: { ...haproxy, ...source("2.8.1") } },
    stashValues: kept,
  });
  const newer = await runProgram({
    config: { ...config, haproxy: { ...haproxy, ...source("2.8.2") } },
    stashValues: kept,
  });
  for (const balancer of balancers) {
    for (const step of ["build", "service", "serving"]) {
      const name = `haproxy-${balancer}-${step}`;
      const texts = [older, newer].map(({ graph }) => {
        const { create, stdin } = graph.get(name).inputs;
        return JSON.stringify([unwrapSecrets(create), unwrapSecrets(stdin)]);
      });
      assert.notEqual(texts[0], texts[1], name);
    }
    const service = `haproxy-${balancer}-service`;
    newer.graph.assertPrecedes([`haproxy-${balancer}-build`], [service]);
    // The holder of the virtual address leaves its restart to the later step, which waits for the others' restarts.
    assert.match(String(newer.graph.get(service).inputs["create"]), / --held-address 192\.168\.56\.100\b/);
    newer.graph.assertPrecedes(each(balancers, "haproxy-*-service"), [`haproxy-${balancer}-serving`]);
  }
});

test("more connections than systemd allows change the unit, which is tried before the configuration is written", async () => {
  const maxConnections = { global: 260_096, proxy: 2000 };
  const few = await touched("haproxy", { maxConnections });
  assert.deepEqual(few, each(balancers, "haproxy-*-config stdin", "haproxy-*-serving stdin"));
  const config = devConfig();
  const haproxy = {
    ...(config["haproxy"] as ConfigBlocks),
    maxConnections: { global: 300_000, proxy: 2000 },
  };
  const { graph } = await runProgram({ config: { ...config, haproxy }, stashValues: kept });
  for (const balancer of balancers) {
    assert.ok(graph.dependenciesOf(`haproxy-${balancer}-config`).has(`haproxy-${balancer}-unit`));
    const { create, stdin } = graph.get(`haproxy-${balancer}-unit`).inputs;
    assert.match(String(unwrapSecrets(create)), /systemd-run .* prlimit --nofile=604096 true/);
    assert.match(String(unwrapSecrets(stdin)), /^LimitNOFILE=604096$/m);
  }
});
