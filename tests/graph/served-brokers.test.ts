/** `haproxy.brokers` in the graph: the balancers get these brokers, and nothing else changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { withServers } from "../../migration/haproxy.ts";
import { devConfig } from "../support/dev-stack.ts";
import { runProgram, unwrapSecrets } from "../support/program.ts";

const brokers = [
  { name: "n1", address: "192.168.57.11" },
  { name: "n2", address: "192.168.57.12" },
  { name: "n3", address: "192.168.57.13" },
];

test("only the balancers' configuration changes, to what a migration has written on the hosts", async () => {
  const before = await runProgram({ config: devConfig() });
  const config = devConfig();
  config["haproxy"] = { ...(config["haproxy"] as object | undefined), brokers };
  const after = await runProgram({ config });
  const changed = after.graph.nodes
    .map(({ name }) => name)
    .filter((name) => {
      // Each run makes passwords and ids of its own, which are in the other inputs.
      const inputs = [before, after].map(({ graph }) => {
        const { create, stdin } = graph.get(name).inputs;
        return JSON.stringify(unwrapSecrets([create, stdin]));
      });
      return inputs[0] !== inputs[1];
    });
  const ofHaproxy = changed.filter((name) => name.startsWith("haproxy-"));
  assert.deepEqual(
    ofHaproxy.sort(),
    ["cent123", "cent124"].flatMap((balancer) => [
      `haproxy-${balancer}-config`,
      `haproxy-${balancer}-serving`,
    ]),
  );
  for (const balancer of ["cent123", "cent124"]) {
    const name = `haproxy-${balancer}-config`;
    const [old, fresh] = [
      String(before.graph.get(name).inputs["stdin"]),
      String(after.graph.get(name).inputs["stdin"]),
    ];
    assert.equal(fresh, withServers(old, brokers));
    assert.match(fresh, /server n1 192\.168\.57\.11:5672 check /);
  }
  const expected = after.outputs["expected"] as { readonly servers?: readonly string[] };
  assert.deepEqual(expected.servers, ["n1", "n2", "n3"]);
  assert.equal((before.outputs["expected"] as { readonly servers?: unknown }).servers, undefined);
});
