/** Which resources a change of one setting touches, and so what may come of it on a host. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { devConfig, type Blocks } from "../support/dev-stack.ts";
import { balancers, brokers } from "../support/graph-facts.ts";
import { plain, runProgram, type Run } from "../support/program.ts";

/** In place of what each stack makes for itself. */
const kept = { "erlang-cookie": "COOKIE", "admin-password": "PASSWORD", "lab-id": "dev-0123456789" };

let dev: Run;
before(async () => {
  dev = await runProgram({ config: devConfig(), kept });
});

/** @returns the names of the commands whose inputs are others, with the inputs' names */
async function touched(key: string, settings: Blocks): Promise<string[]> {
  const config = devConfig();
  const changed = await runProgram({
    config: { ...config, [key]: { ...(config[key] as Blocks), ...settings } },
    kept,
  });
  return changed.graph.nodes
    .filter(({ type }) => type === "command:remote:Command")
    .flatMap(({ name, inputs }) => {
      const old = dev.graph.get(name).inputs;
      const others = Object.keys(inputs).filter(
        (input) =>
          input !== "connection" &&
          JSON.stringify(plain(inputs[input])) !== JSON.stringify(plain(old[input])),
      );
      return others.map((input) => `${name} ${input}`);
    })
    .sort();
}

const each = (hosts: readonly string[], ...parts: string[]): string[] =>
  hosts.flatMap((host) => parts.map((part) => part.replace("*", host))).sort();

const changes: readonly (readonly [what: string, key: string, settings: Blocks, expected: string[]])[] = [
  [
    "a broker's setting: its file, what becomes of it in the broker's turn, and that the balancers see it up again",
    "rabbitmq",
    { settings: { channel_max: 1000 } },
    [...each(brokers, "*-config stdin", "*-restart stdin"), ...each(balancers, "haproxy-*-serving stdin")],
  ],
  [
    "plug-ins: the script that tells the running broker, and nothing that may restart it",
    "rabbitmq",
    { plugins: ["rabbitmq_management", "rabbitmq_prometheus", "rabbitmq_shovel"] },
    each(brokers, "*-plugins create"),
  ],
  [
    "a version of the package: the first installation, the broker's turn, and that the balancers see it up again",
    "packages",
    { rabbitmq: { version: "3.10.8-1.1+deb12u2" } },
    [
      ...each(brokers, "*-packages create", "*-restart create"),
      ...each(balancers, "haproxy-*-serving stdin"),
    ],
  ],
  [
    "a balancer's setting: its file, and the service that reloads it; nobody's turn",
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

test("HAProxy of another version: what each restarts by, in its turn", async () => {
  const source = (version: string): Blocks => ({
    source: {
      version,
      url: `https://example.org/${version}.tar.gz`,
      sha256: version.at(-1)?.repeat(64),
    },
  });
  const config = devConfig();
  const haproxy = config["haproxy"] as Blocks;
  const older = await runProgram({
    config: { ...config, haproxy: { ...haproxy, ...source("2.8.1") } },
    kept,
  });
  const newer = await runProgram({
    config: { ...config, haproxy: { ...haproxy, ...source("2.8.2") } },
    kept,
  });
  for (const balancer of balancers) {
    for (const noun of ["build", "service", "serving"]) {
      const name = `haproxy-${balancer}-${noun}`;
      const texts = [older, newer].map(({ graph }) => {
        const { create, stdin } = graph.get(name).inputs;
        return JSON.stringify([plain(create), plain(stdin)]);
      });
      assert.notEqual(texts[0], texts[1], name);
    }
  }
});
