/** Network faults: packets are dropped in both directions, without an error on either side. */
import { restorePackets, dropPackets } from "../host-actions.ts";
import type { Fault, TrialContext } from "./fault.ts";

const cutOffBroker = (context: TrialContext): string => context.brokers[1] ?? "";

/** Drops the packets between one broker and some other hosts. */
const cutNetwork = async (context: TrialContext, others: readonly string[]): Promise<void> => {
  const broker = cutOffBroker(context);
  const peers = others.filter((host) => host !== broker).map((host) => context.addressOf(host));
  await dropPackets(broker, peers);
  context.markFaultStart();
};

export const networkFaults: readonly Fault[] = [
  {
    name: "broker-cut-off",
    description: "network cut between one broker and all other hosts, 45 s",
    holdSeconds: 45,
    verifyAfterSeconds: 20,
    goals: { publishingSeconds: 15 },
    inject: (context) => cutNetwork(context, [...context.brokers, ...context.balancers]),
    heal: (context) => restorePackets(cutOffBroker(context)),
  },
  {
    name: "brokers-cut-apart",
    description: "network cut between one broker and the other brokers, not the balancers, 45 s",
    holdSeconds: 45,
    verifyAfterSeconds: 20,
    goals: { publishingSeconds: 15 },
    inject: (context) => cutNetwork(context, context.brokers),
    heal: (context) => restorePackets(cutOffBroker(context)),
  },
  {
    name: "holder-cut-off",
    description: "the holder's network cut, 30 s",
    holdSeconds: 30,
    goals: { addressSeconds: 1, publishingSeconds: 15 },
    inject: (context) => context.dropPackets(context.holder),
    heal: (context) => context.restorePackets(context.holder),
  },
];
