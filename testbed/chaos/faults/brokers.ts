/** Brokers that die. */
import { on, processes, signal } from "../machines.ts";
import type { Fault, Scene } from "./fault.ts";

const at = ({ brokers }: Scene, index: number): string => brokers[index] ?? "";

/** The Erlang VM that is the broker; a command-line tool is one too, and is not under way now. */
const kill = async (scene: Scene, host: string): Promise<void> => {
  const pids = await processes(host, "beam.smp");
  scene.strike();
  signal(pids, "SIGKILL");
};

const wiped = (name: string, which: string, index: number): Fault => ({
  name,
  what: `${which} broker's data directory wiped while the others run`,
  hold: 10,
  goals: {},
  inject: async (scene) => {
    const host = at(scene, index);
    await kill(scene, host);
    // It is not to come back before its data is gone.
    await on(host, "systemctl stop rabbitmq-server; rm -rf /var/lib/rabbitmq/mnesia/*");
  },
  heal: async (scene) => {
    await on(
      at(scene, index),
      "systemctl reset-failed rabbitmq-server || true\nsystemctl start --no-block rabbitmq-server",
    );
  },
});

export const brokerFaults: readonly Fault[] = [
  {
    name: "broker-killed",
    what: "broker process killed (SIGKILL)",
    hold: 10,
    ask: 1,
    goals: { publishing: 3, noticed: false },
    inject: (scene) => kill(scene, at(scene, 0)),
  },
  {
    name: "broker-off",
    what: "broker machine powered off, and on again",
    hold: 20,
    goals: { publishing: 15 },
    inject: (scene) => scene.powerOff(at(scene, 1)),
    heal: (scene) => scene.powerOn(at(scene, 1)),
  },
  {
    name: "brokers-off",
    what: "all broker machines powered off at once, and on again at once",
    hold: 15,
    goals: {},
    inject: (scene) => scene.powerOff(...scene.brokers),
    heal: async (scene) => {
      await Promise.all(scene.brokers.map((host) => scene.powerOn(host)));
    },
  },
  {
    name: "brokers-off-in-turn",
    what: "all broker machines powered off at once, and on again one by one, the last one first, 5 s apart",
    hold: 15,
    goals: {},
    inject: (scene) => scene.powerOff(...scene.brokers),
    heal: async (scene) => {
      for (const [index, host] of [...scene.brokers].reverse().entries()) {
        if (index > 0) await new Promise((resolve) => setTimeout(resolve, 5000));
        await scene.powerOn(host);
      }
    },
  },
  wiped("joiner-wiped", "another", 2),
  wiped("first-wiped", "the first", 0),
];
