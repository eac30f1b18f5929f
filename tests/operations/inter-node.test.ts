/** TLS between the brokers: from the first start on, with certificates that change, and a broker on the wrong side. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { reachesBroker, spokenByTls, withoutTls } from "../support/inter-node.ts";
import { readMessages, publish } from "../support/messages.ts";
import { useStack } from "../support/trial.ts";
import { waitForVerify } from "../support/wait-for-verify.ts";

const lab = useStack(new LabStack({ name: "in", net: 108 }));
const [first = "", second = "", third = ""] = lab.brokers;
const types = ["classic", "quorum"] as const;
const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);
const block = (keys: Readonly<Record<string, unknown>> = {}): string =>
  `  rabbitmq-ha:tls: ${JSON.stringify({ interNode: true, ...keys })}`;
async function publishAll(name: string): Promise<void> {
  for (const type of types) await publish(await lab.connect(), `${name}-${type}`, messages, type);
}

/** Without mirrors a classic queue may be on the broker that is down. */
const survivors = lab.release.version.startsWith("3.") ? types : (["quorum"] as const);

/** What was read and returned before may come in another order. */
async function assertMessages(name: string, of: readonly (typeof types)[number][] = types): Promise<void> {
  for (const type of of) {
    const read = await readMessages(await lab.connect(), `${name}-${type}`);
    assert.deepEqual(read.sort(), messages.toSorted(), type);
  }
}

const started = (): Promise<string[]> =>
  Promise.all(
    lab.brokers.map((host) => lab.runOn(host, "systemctl show -p ActiveEnterTimestamp rabbitmq-server")),
  );

test("from the first start on the brokers speak TLS, and only with who shows a certificate", async () => {
  await lab.ensureUp(block());
  assert.equal(spokenByTls(await lab.runOrThrow("verify")), 3);
  await lab.runOrThrow("up", "--expect-no-changes");
  assert.equal(await reachesBroker(lab, first, ""), true);
  assert.equal(await reachesBroker(lab, first, withoutTls), false);
  const noCertificate = `${withoutTls} RABBITMQ_CTL_ERL_ARGS='-proto_dist inet_tls'`;
  assert.equal(await reachesBroker(lab, first, noCertificate), false);
});

test("the change back is refused without a full stop, and nothing is done", async () => {
  await lab.ensureUp(block());
  const before = await started();
  await lab.configure("  rabbitmq-ha:tls: {}");
  for (const script of ["preview", "up"]) {
    const { code, output } = await lab.npm(script);
    assert.equal(code, 1);
    assert.match(
      output,
      /tls\.interNode = false: the brokers speak by TLS .*nothing was done.*--full-stop/,
      tail(output),
    );
  }
  // What the CLI does not see, the host refuses.
  const step = `rabbitmq-ha inter-node --brokers ${lab.brokers.join(",")} 2>&1 || true`;
  assert.match(
    await lab.runOn(first, step),
    /speaks by TLS with the others, and only a full stop changes that/,
  );
  assert.deepEqual(await started(), before);
  await lab.ensureUp(block());
  assert.equal(spokenByTls(await lab.runOrThrow("verify")), 3);
});

test("a broker that somebody has started without TLS is seen by verify, and --repair mends it", async () => {
  await lab.ensureUp(block());
  await publishAll("apart");
  await lab.runOn(
    third,
    "sed -i '/^# rabbitmq-ha: begin$/,/^# rabbitmq-ha: end$/d' /etc/rabbitmq/rabbitmq-env.conf && " +
      "systemctl --no-block restart rabbitmq-server",
  );
  const seen = new RegExp(`^inter-node +${third} +FAILED .*speaks without TLS`, "m");
  // From RabbitMQ 4.3 on such a broker is not up without the others, and starts again and again.
  await waitForVerify(lab, ({ code, output }) => code === 1 && seen.test(output));
  await assertMessages("apart", survivors);
  const others = async (): Promise<string[]> => (await started()).slice(0, 2);
  const before = await others();
  await lab.runOrThrow("up", "--repair");
  assert.deepEqual(await others(), before, `${first} or ${second} was restarted`);
  assert.equal(spokenByTls(await lab.runOrThrow("verify")), 3);
  await assertMessages("apart");
});

// An authority is changed in one direction only, so nothing comes after this.
test("brokers that restart after a renewal, and after each step to another authority, find the others", async () => {
  await lab.ensureUp(block());
  await publishAll("renewed");
  const steps = [{ renewal: 2 }, { authorities: [1, 2] }, { authorities: [2, 1] }, { authorities: [2] }];
  for (const [index, keys] of steps.entries()) {
    await lab.configure(block({ renewal: 2, ...keys }));
    const before = await started();
    await lab.runOrThrow("up");
    assert.deepEqual(await started(), before, "a broker was restarted");
    await lab.runOn(lab.brokers[index % 3] ?? "", "systemctl restart rabbitmq-server");
    const output = await waitForVerify(lab);
    assert.equal(spokenByTls(output), 3, tail(output));
  }
  await assertMessages("renewed");
});
