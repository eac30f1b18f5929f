/** Faults of broker processes and broker hosts. */
import { runOn, findPids, sendSignal } from "../host-actions.ts";
import type { Fault, TrialContext } from "./fault.ts";

const brokerAt = ({ brokers }: TrialContext, index: number): string => brokers[index] ?? "";

/** Kills the Erlang VM of the broker. A command-line tool is an Erlang VM too, but none runs now. */
const killBroker = async (context: TrialContext, host: string): Promise<void> => {
  const pids = await findPids(host, "beam.smp");
  context.markFaultStart();
  sendSignal(pids, "SIGKILL");
};

const wipedBroker = (name: string, which: string, index: number): Fault => ({
  name,
  description: `${which} broker's data directory wiped while the others run`,
  holdSeconds: 10,
  goals: {},
  inject: async (context) => {
    const host = brokerAt(context, index);
    await killBroker(context, host);
    // The broker must not restart before its data is deleted.
    await runOn(host, "systemctl stop rabbitmq-server; rm -rf /var/lib/rabbitmq/mnesia/*");
  },
  heal: async (context) => {
    await runOn(
      brokerAt(context, index),
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
    inject: (context) => killBroker(context, brokerAt(context, 0)),
  },
  {
    name: "broker-off",
    description: "broker machine powered off, and on again",
    holdSeconds: 20,
    goals: { publishingSeconds: 15 },
    inject: (context) => context.powerOff(brokerAt(context, 1)),
    heal: (context) => context.powerOn(brokerAt(context, 1)),
  },
  {
    name: "brokers-off",
    description: "all broker machines powered off at once, and on again at once",
    holdSeconds: 15,
    goals: {},
    inject: (context) => context.powerOff(...context.brokers),
    heal: async (context) => {
      await Promise.all(context.brokers.map((host) => context.powerOn(host)));
    },
  },
  {
    name: "brokers-off-in-turn",
    description:
      "all broker machines powered off at once, and on again one by one, the last one first, 5 s apart",
    holdSeconds: 15,
    goals: {},
    inject: (context) => context.powerOff(...context.brokers),
    heal: async (context) => {
      for (const [index, host] of [...context.brokers].reverse().entries()) {
        if (index > 0) await new Promise((resolve) => setTimeout(resolve, 5000));
        await context.powerOn(host);
      }
    },
  },
  wipedBroker("joiner-wiped", "another", 2),
  wipedBroker("first-wiped", "the first", 0),
];
