/** Networks that are cut: packets vanish in both directions, nobody is told. */
import { heal, silence } from "../machines.ts";
import type { Fault, Scene } from "./fault.ts";

const cutOff = (scene: Scene): string => scene.brokers[1] ?? "";

/** Cuts one broker off from some other hosts. */
const cut = async (scene: Scene, others: readonly string[]): Promise<void> => {
  const broker = cutOff(scene);
  const peers = others.filter((host) => host !== broker).map((host) => scene.address(host));
  await silence(broker, peers);
  scene.strike();
};

export const networkFaults: readonly Fault[] = [
  {
    name: "broker-cut-off",
    what: "network cut between one broker and all other hosts, 45 s",
    hold: 45,
    ask: 20,
    goals: { publishing: 15 },
    inject: (scene) => cut(scene, [...scene.brokers, ...scene.balancers]),
    heal: (scene) => heal(cutOff(scene)),
  },
  {
    name: "brokers-cut-apart",
    what: "network cut between one broker and the other brokers, not the balancers, 45 s",
    hold: 45,
    ask: 20,
    goals: { publishing: 15 },
    inject: (scene) => cut(scene, scene.brokers),
    heal: (scene) => heal(cutOff(scene)),
  },
  {
    name: "holder-cut-off",
    what: "the holder's network cut, 30 s",
    hold: 30,
    goals: { address: 1, publishing: 15 },
    inject: (scene) => scene.fallSilent(scene.holder),
    heal: (scene) => scene.speak(scene.holder),
  },
];
