/** The benchmark's measurements and comparisons: gaps, PerfTest's summary, end states, arguments, commands. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { runCommand } from "../../../testbed/bench/command.ts";
import { readOptions } from "../../../testbed/bench/options.ts";
import { parseSummary, combineThroughputs } from "../../../testbed/bench/perftest.ts";
import { renderInventory } from "../../../testbed/bench/playbook.ts";
import { longestGapMs } from "../../../testbed/bench/probe.ts";
import { findDifferences, normalise } from "../../../testbed/bench/end-state.ts";
import { siteOf } from "../../../testbed/bench/site.ts";
import { brokerAnswers } from "../../../testbed/stacks/amqp-handshake.ts";

test("the longest gap includes the time before the fault since the last answer, and the time until now", () => {
  assert.equal(longestGapMs([0, 20, 40, 640, 660], 50, 670), 600);
  assert.equal(longestGapMs([0, 20], 30, 1020), 1000);
  assert.equal(longestGapMs([0, 500, 520, 540], 510, 550), 20);
  assert.equal(longestGapMs([], 10, 60), 50);
});

test("only an answer from a broker itself counts", async (t) => {
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
    assert.equal(await brokerAnswers("127.0.0.1", 200, port), name === "broker", name);
  }
});

test("PerfTest's summary is parsed; without one there is an error", () => {
  const end = [
    "id: test-1, sending rate avg: 4321 msg/s",
    "id: test-1, receiving rate avg: 4300 msg/s",
    "id: test-1, consumer latency min/median/75th/95th/99th 812/2500/3000/5000/9100 µs",
  ].join("\n");
  assert.deepEqual(parseSummary(end), { received: 4300, latency: { median: 2.5, p99: 9.1 } });
  assert.throws(() => parseSummary("main, started"), /without a summary/);
});

test("the figures of several PerfTests are combined", () => {
  const of = (
    received: number,
    median: number,
    p99: number,
  ): Parameters<typeof combineThroughputs>[0][number] => ({
    received,
    latency: { median, p99 },
  });
  assert.deepEqual(combineThroughputs([of(100, 2, 9), of(200, 4, 7)]), of(300, 3, 9));
});

const files = (prefix: string, net: number, dropIn: string, limit: string): string =>
  `=== /etc/systemd/system/x.service.d/${dropIn} 644 root\n# comment\n[Service]\nLimitNOFILE=${limit}\n` +
  `=== /etc/haproxy/haproxy.cfg 644 root\n    server ${prefix}120 192.168.${net}.120:5672 check\n`;

test("hosts that differ only in names, addresses and comments are the same", () => {
  const ours = normalise(files("p", 70, "rabbitmq-ha.conf", "65536"), { net: 70 });
  assert.deepEqual(
    findDifferences(ours, normalise(files("an", 72, "limits.conf", "65536"), { net: 72 })),
    [],
  );
  assert.deepEqual(findDifferences(ours, normalise(files("an", 72, "limits.conf", "1024"), { net: 72 })), [
    "/etc/systemd/system/x.service.d/*.conf 644 root: -LimitNOFILE=65536 +LimitNOFILE=1024",
  ]);
  assert.deepEqual(findDifferences(ours, new Map()).length, 2);
});

test("what the program notes for its own next run is no difference; the wait for an address is one", () => {
  const unit = (net: number, ...lines: string[]): Map<string, string> =>
    normalise(`=== /x.service 644 root:root\n[Service]\n${lines.join("\n")}\n`, { net });
  const note = "-/usr/local/bin/rabbitmq-ha note";
  const program = unit(
    70,
    `ExecStartPre=${note} --unit x --address 192.168.70.123 --restart /a --reload /b,/c`,
    `ExecReload=${note} --reloaded --unit x --reload /b,/c`,
  );
  assert.deepEqual(
    findDifferences(program, unit(72, `ExecStartPre=${note} --unit x --address 192.168.72.123`)),
    [],
  );
  assert.match(findDifferences(program, unit(72)).join(), /: -ExecStartPre=.* --address NET\.123$/);
});

test("neither a file that says nothing nor podman's domain is a difference", () => {
  const hosts = (line: string): Map<string, string> =>
    normalise(`=== /etc/hosts 644 root:root\n${line}\n`, { net: 70 });
  assert.equal(normalise("=== /etc/x.conf 640 root:x\n# nothing\n\n", { net: 70 }).size, 0);
  const program = hosts("192.168.70.120 p120.dns.podman p120");
  assert.deepEqual(findDifferences(program, hosts("192.168.70.120 p120")), []);
  assert.equal(findDifferences(program, hosts("192.168.70.120 p120.example.org p120")).length, 1);
});

test("the inventory names the hosts of both groups", () => {
  const text = renderInventory({
    site: siteOf("an", 72, 3),
    workFolder: "/tmp/x",
    secrets: { cookie: "C", password: "P" },
  });
  assert.match(
    text,
    /\[brokers\]\nan120 ansible_host=192\.168\.72\.120\nan121 .*\nan122 .*\n\n\[balancers\]\nan123 /,
  );
  assert.match(text, /^virtual_address=192\.168\.72\.100$/m);
});

test("arguments are parsed; invalid ones are rejected", () => {
  assert.deepEqual(readOptions(["--only", "setting,cold", "--rounds", "2"]), {
    only: ["cold", "setting"],
    rounds: 2,
    trials: 10,
    quick: false,
  });
  assert.equal(readOptions(["--quick", "--json", "x.json"]).rounds, 1);
  assert.throws(() => readOptions(["--only", "warm"]), /--only: unknown part warm; choose from cold, /);
  assert.throws(() => readOptions(["--rounds", "0"]), /--rounds is 0; give a whole number/);
});

test("the error of a command that fails, takes too long or is interrupted says so", async () => {
  await assert.rejects(
    runCommand(["bash", "-c", "echo why; exit 3"], { timeoutSeconds: 10 }),
    /ended with 3:\nwhy/,
  );
  await assert.rejects(runCommand(["sleep", "30"], { timeoutSeconds: 0.2 }), /did not end within 0\.2 s/);
  const stop = new AbortController();
  stop.abort();
  await assert.rejects(
    runCommand(["sleep", "30"], { timeoutSeconds: 9, signal: stop.signal }),
    /was interrupted/,
  );
  assert.equal((await runCommand(["cat"], { timeoutSeconds: 10, input: "x" })).stdout, "x");
});
