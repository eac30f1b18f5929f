/** Faults of broker processes and broker hosts. */
import { runOn, findPids, sendSignal } from "../host-actions.ts";
import type { Fault, TrialContext } from "./fault.ts";

const brokerAt = ({ brokers }: TrialContext, index: number): string => brokers[index] ?? "";

/** Kills the Erlang VM of the broker. A command-line tool is an Erlang VM too, but none runs now. */
const killBroker = async (scene: TrialContext, host: string): Promise<void> => {
  const pids = await findPids(host, "beam.smp");
  scene.markFaultStart();
  sendSignal(pids, "SIGKILL");
};

const wipedBroker = (name: string, which: string, index: number): Fault => ({
  name,
  description: `${which} broker's data directory wiped while the others run`,
  holdSeconds: 10,
  goals: {},
  inject: async (scene) => {
    const host = brokerAt(scene, index);
    await killBroker(scene, host);
    // The broker must not restart before its data is deleted.
    await runOn(host, "systemctl stop rabbitmq-server; rm -rf /var/lib/rabbitmq/mnesia/*");
  },
  heal: async (scene) => {
    await runOn(
      brokerAt(scene, index),
      "systemctl reset-failed rabbitmq-server || true\nsystemctl start --no-block rabbitmq-server",
    );
  },
});

export const brokerFaults: readonly Fault[] = [
  {
    name: "broker-killed",
    description: "broker process killed (SIGKILL)",
    holdSeconds: 10,
    verifyAfterSeconds: 1,
    goals: { publishingSeconds: 3, mustBeNoticed: false },
    inject: (scene) => killBroker(scene, brokerAt(scene, 0)),
  },
  {
    name: "broker-off",
    description: "broker machine powered off, and on again",
    holdSeconds: 20,
    goals: { publishingSeconds: 15 },
    inject: (scene) => scene.powerOff(brokerAt(scene, 1)),
    heal: (scene) => scene.powerOn(brokerAt(scene, 1)),
  },
  {
    name: "brokers-off",
    description: "all broker machines powered off at once, and on again at once",
    holdSeconds: 15,
    goals: {},
    inject: (scene) => scene.powerOff(...scene.brokers),
    heal: async (scene) => {
      await Promise.all(scene.brokers.map((host) => scene.powerOn(host)));
    },
  },
  {
    name: "brokers-off-in-turn",
    description:
      "all broker machines powered off at once, and on again one by one, the last one first, 5 s apart",
    holdSeconds: 15,
    goals: {},
    inject: (scene) => scene.powerOff(...scene.brokers),
    heal: async (scene) => {
      for (const [index, host] of [...scene.brokers].reverse().entries()) {
        if (index > 0) await new Promise((resolve) => setTimeout(resolve, 5000));
        await scene.powerOn(host);
      }
    },
  },
  wipedBroker("joiner-wiped", "another", 2),
  wipedBroker("first-wiped", "the first", 0),
];
