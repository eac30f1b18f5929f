/** A lab whose brokers are observed as HAProxy and their own hosts see them. */
import assert from "node:assert/strict";
import { afterEach, beforeEach } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { showStat } from "../../testbed/stacks/haproxy-statistics.ts";
import type { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { parseServers } from "../../verify/checks/balancers.ts";
import { useStack } from "./trial.ts";

const settings = "  rabbitmq-ha:haproxy: { avoidAlarms: true }";

/** Restarts a broker in any state, even if it hangs. */
const restart = `systemctl kill --signal=KILL rabbitmq-server || true
  systemctl reset-failed rabbitmq-server || true
  timeout 120 systemctl restart rabbitmq-server || true`;

export class CheckedLab {
  readonly lab: LabStack;

  /** Declares the hooks of the file's tests: each begins with every broker up, and ends so. */
  constructor(lab: LabStack) {
    this.lab = useStack(lab, { settings });
    beforeEach(() => lab.ensureUp(settings));
    afterEach(async (context) => {
      // No `up` notices changes inside a running broker; a restart reverts them.
      if ("passed" in context && !context.passed) {
        for (const broker of lab.brokers) await lab.runOn(broker, restart);
      }
      await this.reaches("every broker up", async () => new Set(Object.values(await this.states())), "UP");
    });
  }

  /** @returns HAProxy's status of each broker's AMQP port */
  async states(): Promise<Record<string, string>> {
    const csv = await this.lab.runOn(this.lab.balancers[0] ?? "", showStat);
    const servers = parseServers(csv).filter(({ proxy }) => proxy === "rabbitmq_cluster");
    return Object.fromEntries(servers.map(({ name, status }) => [name, status]));
  }

  /** Waits until the observed values are nothing but the wanted one. */
  async reaches(what: string, see: () => Promise<Set<string>>, wanted: string): Promise<void> {
    const deadline = Date.now() + 90_000;
    for (;;) {
      const seen = [...(await see())].join(", ");
      if (seen === wanted) return;
      assert.ok(Date.now() < deadline, `waited 90 s for ${what}: expected ${wanted}, got ${seen}`);
      await pause(250);
    }
  }

  /** Waits until HAProxy has this status for a broker, such as DOWN. */
  async brokerReaches(broker: string, wanted: string): Promise<void> {
    const see = async (): Promise<Set<string>> => new Set([(await this.states())[broker] ?? "none"]);
    await this.reaches(`${broker} to be ${wanted}`, see, wanted);
  }

  /** Waits until the host logs why it leaves its broker alone, and asserts that it has not restarted the broker. */
  async isLeftAlone(broker: string, since: string, why: string): Promise<void> {
    const ask = watchJournalSince(since);
    await this.lab.runOn(
      broker,
      `timeout 120 bash -c 'until ${ask} | grep "is left alone: ${why}"; do sleep 1; done'`,
    );
    assert.equal((await this.states())[broker], "DOWN");
    assert.doesNotMatch(await this.lab.runOn(broker, ask), /restarting/);
  }
}

/** @param since seconds since the epoch, as a host's clock prints them */
export function watchJournalSince(since: string): string {
  return `journalctl -u rabbitmq-ha-watch -o cat --no-pager --since @${since.trim()}`;
}
