/** Network faults: packets are dropped in both directions, without an error on either side. */
import { restorePackets, dropPackets } from "../host-actions.ts";
import type { Fault, TrialContext } from "./fault.ts";

const cutOffBroker = (scene: TrialContext): string => scene.brokers[1] ?? "";

/** Drops the packets between one broker and some other hosts. */
const cutNetwork = async (scene: TrialContext, others: readonly string[]): Promise<void> => {
  const broker = cutOffBroker(scene);
  const peers = others.filter((host) => host !== broker).map((host) => scene.addressOf(host));
  await dropPackets(broker, peers);
  scene.markFaultStart();
};

export const networkFaults: readonly Fault[] = [
  {
    name: "broker-cut-off",
    description: "network cut between one broker and all other hosts, 45 s",
    holdSeconds: 45,
    verifyAfterSeconds: 20,
    goals: { publishingSeconds: 15 },
    inject: (scene) => cutNetwork(scene, [...scene.brokers, ...scene.balancers]),
    heal: (scene) => restorePackets(cutOffBroker(scene)),
  },
  {
    name: "brokers-cut-apart",
    description: "network cut between one broker and the other brokers, not the balancers, 45 s",
    holdSeconds: 45,
    verifyAfterSeconds: 20,
    goals: { publishingSeconds: 15 },
    khepri: {
      goals: {},
      why:
        "the one broker does not pause itself (`pause_minority` is Mnesia's), so its clients stay connected and have no " +
        "confirm until the network is back; no limit on standing still",
    },
    inject: (scene) => cutNetwork(scene, scene.brokers),
    heal: (scene) => restorePackets(cutOffBroker(scene)),
  },
  {
    name: "holder-cut-off",
    description: "the holder's network cut, 30 s",
    holdSeconds: 30,
    goals: { addressSeconds: 1, publishingSeconds: 15 },
    inject: (scene) => scene.dropPackets(scene.holder),
    heal: (scene) => scene.restorePackets(scene.holder),
  },
];
