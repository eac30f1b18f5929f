/** Declares a queue, and checks that it has its mirrors or members and that a message passes through it. */
import { randomBytes, randomUUID } from "node:crypto";
import type { ChannelModel, ConfirmChannel } from "amqplib";
import { type OpenConnection, withConnections } from "../amqp.ts";
import { asError } from "../cause.ts";
import { fail, type Finding, runCheck, RefusalError, needsOperator, type Verdict, pass } from "../finding.ts";
import { attributeTimeouts, type ClusterClient } from "../management.ts";
import { judgeMirrors, findMatchingName, type QueueRow, queueRow } from "./mirrors.ts";
import { judgeNewQuorumQueue } from "./quorum.ts";
import { pollUntil } from "../polling.ts";
import { keepalivedServiceNames } from "./resources.ts";

/** For everything that is done over AMQP. */
const amqpTimeoutSeconds = 15;
/** An empty queue has its mirrors or members within tenths of a second. */
const copiesTimeoutSeconds = 8;
/** If this process is killed, the broker deletes the queue itself after this time without a client. */
const queueExpiryMs = 60_000;
const brokersLogs = "read the brokers' logs in /var/log/rabbitmq";
const messageBytes = 1024;

export async function examineQueue(cluster: ClusterClient): Promise<Finding[]> {
  const { system } = cluster;
  // The address leads to other brokers, which need not know the stack's user.
  if (system.expected?.servers !== undefined) return [];
  const onFailure = attributeTimeouts(cluster, keepalivedServiceNames(system));
  const unusedName = `rabbitmq-ha-verify-${randomUUID()}`;
  const matchingName = findMatchingName(system.policy.pattern, unusedName);
  const queue = matchingName ?? unusedName;
  const isQuorum = system.expected?.queueType === "quorum";
  const copies = (judge: () => Promise<Verdict>): Promise<Finding> =>
    runCheck(isQuorum ? "members" : "mirrors", "new queue", onFailure, judge);
  const message = (judge: () => Promise<Verdict>): Promise<Finding> =>
    runCheck("message", "virtual address", onFailure, judge);
  try {
    return await withConnections(system.amqpUri, amqpTimeoutSeconds, async (open) => {
      const producer = await open();
      const channel = await producer.createConfirmChannel();
      await channel.assertQueue(queue, { durable: true, arguments: { "x-expires": queueExpiryMs } });
      return Promise.all([
        copies(() =>
          isQuorum ? checkMembers(cluster, queue) : checkMirrors(cluster, queue, matchingName !== undefined),
        ),
        message(() => Promise.race([checkMessage(channel, open, queue), rejectWhenBlocked(producer)])),
      ]);
    });
  } catch (error) {
    // Without a queue neither check can be run, and both report the reason.
    const rethrow = (): Promise<Verdict> => Promise.reject(asError(error));
    return await Promise.all([copies(rethrow), message(rethrow)]);
  } finally {
    await deleteQueue(cluster, queue);
  }
}

/** Publishes a message over one connection and gets it over another one, as clients would. */
async function checkMessage(channel: ConfirmChannel, open: OpenConnection, queue: string): Promise<Verdict> {
  const content = randomBytes(messageBytes);
  channel.sendToQueue(queue, content, { persistent: true, mandatory: true });
  await channel.waitForConfirms();
  const consumer = await (await open()).createChannel();
  const found = await consumer.get(queue, { noAck: true });
  if (found === false) return needsOperator("a confirmed message is not in its queue", brokersLogs);
  if (!found.content.equals(content))
    return needsOperator("a confirmed message came back with other bytes", brokersLogs);
  return pass(`${content.length} bytes, persistent, confirmed and back`);
}

/** A broker with an alarm in force sends `blocked` once, and then stops reading from a publisher's connection. */
function rejectWhenBlocked(connection: ChannelModel): Promise<never> {
  const blocked = Promise.withResolvers<never>();
  blocked.promise.catch(() => undefined);
  connection.on("blocked", (reason) => {
    const refusal = new RefusalError(`the broker blocks publishers: ${reason}`);
    refusal.advice = "clear the alarm first";
    blocked.reject(refusal);
  });
  return blocked.promise;
}

/** Uses the management API, which needs no working AMQP connection. If no API answers, the queue expires by itself. */
async function deleteQueue(cluster: ClusterClient, queue: string): Promise<void> {
  const api = await cluster.firstToAnswer.catch(() => undefined);
  await api?.deleteQueue(queue).catch(() => undefined);
}

async function checkMirrors(
  cluster: ClusterClient,
  queue: string,
  isNameMatching: boolean,
): Promise<Verdict> {
  const { system } = cluster;
  const { pattern, definition } = system.policy;
  const mirrorsWanted = definition["ha-mode"] !== undefined;
  if (mirrorsWanted && !isNameMatching)
    return pass(`not checked: no queue name of verify matches ${pattern}`);
  const names = system.brokers.map(({ name }) => name);
  return judgeRow(cluster, queue, (row) => judgeMirrors(row, definition, names));
}

function checkMembers(cluster: ClusterClient, queue: string): Promise<Verdict> {
  const names = cluster.system.brokers.map(({ name }) => name);
  return judgeRow(cluster, queue, (row) => judgeNewQuorumQueue(row, names));
}

async function judgeRow(
  cluster: ClusterClient,
  queue: string,
  judgeListed: (row: QueueRow) => Verdict,
): Promise<Verdict> {
  const api = await cluster.firstToAnswer;
  const columns = "name,node,type,members,slave_nodes,synchronised_slave_nodes";
  const path = `/api/queues/%2F/${encodeURIComponent(queue)}?columns=${columns}`;
  // A broker may list the queue a moment after the client has declared it.
  const ask = (): Promise<QueueRow> => api.get(path, queueRow, [200, 404]);
  const judge = (row: QueueRow): Verdict =>
    row.name === undefined ? fail("the declared queue is not listed") : judgeListed(row);
  return judge(
    await pollUntil({ timeoutSeconds: copiesTimeoutSeconds, intervalMs: 100 }, ask, (row) => judge(row).ok),
  );
}
