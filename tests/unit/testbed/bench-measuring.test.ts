/** How the benchmark measures and compares: gaps, PerfTest's summary, end states, arguments, commands. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { run } from "../../../testbed/bench/command.ts";
import { options } from "../../../testbed/bench/options.ts";
import { summary, together } from "../../../testbed/bench/perftest.ts";
import { inventory } from "../../../testbed/bench/playbook.ts";
import { longestGap } from "../../../testbed/bench/probe.ts";
import { differences, normalised } from "../../../testbed/bench/same.ts";
import { site } from "../../../testbed/bench/site.ts";
import { answers } from "../../../testbed/labs/greeting.ts";

test("the longest gap, over an answer before the fault and up to now", () => {
  assert.equal(longestGap([0, 20, 40, 640, 660], 50, 670), 600);
  assert.equal(longestGap([0, 20], 30, 1020), 1000);
  assert.equal(longestGap([0, 500, 520, 540], 510, 550), 20);
  assert.equal(longestGap([], 10, 60), 50);
});

test("only a broker's own words count as an answer", async (t) => {
  const replies: Record<string, Buffer | undefined> = {
    broker: Buffer.from([1, 0, 0]),
    other: Buffer.from("HTTP/1.1 400"),
    silent: undefined,
  };
  for (const [name, reply] of Object.entries(replies)) {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      if (reply !== undefined) socket.once("data", () => socket.write(reply));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    assert.equal(await answers("127.0.0.1", 200, port), name === "broker", name);
  }
});

test("PerfTest's summary, and its absence", () => {
  const end = [
    "id: test-1, sending rate avg: 4321 msg/s",
    "id: test-1, receiving rate avg: 4300 msg/s",
    "id: test-1, consumer latency min/median/75th/95th/99th 812/2500/3000/5000/9100 µs",
  ].join("\n");
  assert.deepEqual(summary(end), { received: 4300, latency: { median: 2.5, p99: 9.1 } });
  assert.throws(() => summary("main, started"), /without a summary/);
});

test("several PerfTests together", () => {
  const of = (received: number, median: number, p99: number): Parameters<typeof together>[0][number] => ({
    received,
    latency: { median, p99 },
  });
  assert.deepEqual(together([of(100, 2, 9), of(200, 4, 7)]), of(300, 3, 9));
});

const files = (prefix: string, net: number, dropIn: string, limit: string): string =>
  `=== /etc/systemd/system/x.service.d/${dropIn} 644 root\n# remark\n[Service]\nLimitNOFILE=${limit}\n` +
  `=== /etc/haproxy/haproxy.cfg 644 root\n    server ${prefix}120 192.168.${net}.120:5672 check\n`;

test("hosts that differ in names, addresses and remarks alone are the same", () => {
  const ours = normalised(files("p", 70, "rabbitmq-ha.conf", "65536"), { net: 70 });
  assert.deepEqual(differences(ours, normalised(files("an", 72, "limits.conf", "65536"), { net: 72 })), []);
  assert.deepEqual(differences(ours, normalised(files("an", 72, "limits.conf", "1024"), { net: 72 })), [
    "/etc/systemd/system/x.service.d/*.conf 644 root: -LimitNOFILE=65536 +LimitNOFILE=1024",
  ]);
  assert.deepEqual(differences(ours, new Map()).length, 2);
});

test("the inventory names the hosts of both groups", () => {
  const text = inventory({
    site: site("an", 72, 3),
    work: "/tmp/x",
    secrets: { cookie: "C", password: "P" },
  });
  assert.match(
    text,
    /\[brokers\]\nan120 ansible_host=192\.168\.72\.120\nan121 .*\nan122 .*\n\n\[balancers\]\nan123 /,
  );
  assert.match(text, /^virtual_address=192\.168\.72\.100$/m);
});

test("arguments, and what is refused", () => {
  assert.deepEqual(options(["--only", "setting,cold", "--rounds", "2"]), {
    only: ["cold", "setting"],
    rounds: 2,
    trials: 10,
    quick: false,
  });
  assert.equal(options(["--quick", "--json", "x.json"]).rounds, 1);
  assert.throws(() => options(["--only", "warm"]), /--only knows cold, .* and not warm/);
  assert.throws(() => options(["--rounds", "0"]), /whole number/);
});

test("a command that fails, or takes too long, says so with its end", async () => {
  await assert.rejects(run(["bash", "-c", "echo why; exit 3"], { deadline: 10 }), /ended with 3:\nwhy/);
  await assert.rejects(run(["sleep", "30"], { deadline: 0.2 }), /was not done after 0\.2 s/);
  const stop = new AbortController();
  stop.abort();
  await assert.rejects(run(["sleep", "30"], { deadline: 9, signal: stop.signal }), /was interrupted/);
  assert.equal((await run(["cat"], { deadline: 10, input: "x" })).stdout, "x");
});
