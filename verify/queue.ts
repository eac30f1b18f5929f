/** A queue of verify's own: that it is mirrored as the policy says, and that a message goes in and comes out. */
import { randomBytes, randomUUID } from "node:crypto";
import type { ChannelModel, ConfirmChannel } from "amqplib";
import { type Open, withConnections } from "./amqp.ts";
import { asError } from "./cause.ts";
import { broken, type Finding, look, Refusal, unmendable, type Verdict, whole } from "./finding.ts";
import { blameSilent, type Cluster } from "./management.ts";
import { judgeMirrors, nameUnder, type QueueRow, queueRow } from "./mirrors.ts";
import { until } from "./patience.ts";
import { addressServices } from "./resources.ts";

/** Seconds for everything that is done over AMQP. */
const patience = 15;
/** Seconds until an empty queue's mirrors are there; it takes tenths of one. */
const mirrorPatience = 8;
/** Milliseconds without a client after which the broker deletes the queue itself, should we be killed. */
const expiry = 60_000;
const brokersLogs = "look at the brokers' logs in /var/log/rabbitmq";
/** Bytes. */
const messageSize = 1024;

export async function examineQueue(cluster: Cluster): Promise<Finding[]> {
  const { system } = cluster;
  const blame = blameSilent(cluster, addressServices(system));
  const plain = `rabbitmq-ha-verify-${randomUUID()}`;
  const fitting = nameUnder(system.policy.pattern, plain);
  const queue = fitting ?? plain;
  const mirrors = (judge: () => Promise<Verdict>): Promise<Finding> =>
    look("mirrors", "new queue", blame, judge);
  const message = (judge: () => Promise<Verdict>): Promise<Finding> =>
    look("message", "virtual address", blame, judge);
  try {
    return await withConnections(system.amqpUri, patience, async (open) => {
      const producer = await open();
      const channel = await producer.createConfirmChannel();
      await channel.assertQueue(queue, { durable: true, arguments: { "x-expires": expiry } });
      return Promise.all([
        mirrors(() => mirrored(cluster, queue, fitting !== undefined)),
        message(() => Promise.race([passMessage(channel, open, queue), rejectWhenBlocked(producer)])),
      ]);
    });
  } catch (error) {
    // Without a queue neither can be judged, and both say why.
    const fail = (): Promise<Verdict> => Promise.reject(asError(error));
    return await Promise.all([mirrors(fail), message(fail)]);
  } finally {
    await remove(cluster, queue);
  }
}

/** Puts a message in over one connection and takes it out over another one, as clients would. */
async function passMessage(channel: ConfirmChannel, open: Open, queue: string): Promise<Verdict> {
  const content = randomBytes(messageSize);
  channel.sendToQueue(queue, content, { persistent: true, mandatory: true });
  await channel.waitForConfirms();
  const consumer = await (await open()).createChannel();
  const found = await consumer.get(queue, { noAck: true });
  if (found === false) return unmendable("a confirmed message is not in its queue", brokersLogs);
  if (!found.content.equals(content))
    return unmendable("a confirmed message came back with other bytes", brokersLogs);
  return whole(`${content.length} bytes, persistent, confirmed and back`);
}

/** A broker with an alarm in force says so once, and then does not read from a publisher's connection any more. */
function rejectWhenBlocked(connection: ChannelModel): Promise<never> {
  const blocked = Promise.withResolvers<never>();
  blocked.promise.catch(() => undefined);
  connection.on("blocked", (reason) => {
    const refusal = new Refusal(`the broker blocks publishers: ${reason}`);
    refusal.advice = "end the alarm first";
    blocked.reject(refusal);
  });
  return blocked.promise;
}

/** By the API, which needs no connection that is well. Where no API answers, the queue expires by itself. */
async function remove(cluster: Cluster, queue: string): Promise<void> {
  const api = await cluster.any.catch(() => undefined);
  await api?.deleteQueue(queue).catch(() => undefined);
}

async function mirrored(cluster: Cluster, queue: string, fitting: boolean): Promise<Verdict> {
  const { system } = cluster;
  const { pattern, definition } = system.policy;
  const mirrorsWanted = definition["ha-mode"] !== undefined;
  if (mirrorsWanted && !fitting) return whole(`not looked at: no name of verify's falls under ${pattern}`);
  const api = await cluster.any;
  const path = `/api/queues/%2F/${encodeURIComponent(queue)}?columns=node,type,slave_nodes,synchronised_slave_nodes`;
  // A broker may hear of the queue a moment later than the client does.
  const ask = (): Promise<QueueRow> => api.get(path, queueRow, [200, 404]);
  const names = system.brokers.map(({ name }) => name);
  const judge = (row: QueueRow): Verdict =>
    row.node === undefined
      ? broken("the declared queue is not to be seen")
      : judgeMirrors(row, definition, names);
  return judge(await until({ seconds: mirrorPatience, between: 100 }, ask, (row) => judge(row).whole));
}
