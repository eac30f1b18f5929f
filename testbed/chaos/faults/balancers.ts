/** Faults of HAProxy, Keepalived and their hosts. */
import { runOn, findPids, sendSignal } from "../host-actions.ts";
import type { Fault, TrialContext } from "./fault.ts";

const signalProcesses = async (
  context: TrialContext,
  command: string,
  name: NodeJS.Signals,
): Promise<void> => {
  const pids = await findPids(context.holder, command);
  context.markFaultStart();
  sendSignal(pids, name);
};

const resumeHaproxy = async ({ holder }: TrialContext): Promise<void> => {
  sendSignal(await findPids(holder, "haproxy"), "SIGCONT");
};

const hungHaproxy: Pick<Fault, "inject" | "goals"> = {
  inject: (context: TrialContext) => signalProcesses(context, "haproxy", "SIGSTOP"),
  goals: { addressSeconds: 2.5 },
};

export const balancerFaults: readonly Fault[] = [
  {
    name: "haproxy-killed",
    description: "HAProxy on the holder killed (SIGKILL)",
    holdSeconds: 10,
    verifyAfterSeconds: 1,
    goals: { addressSeconds: 2.5, mustBeNoticed: false },
    inject: (context) => signalProcesses(context, "haproxy", "SIGKILL"),
  },
  {
    name: "haproxy-stopped",
    description: "HAProxy on the holder stopped (systemctl), and started again",
    holdSeconds: 10,
    goals: { addressSeconds: 2.5 },
    inject: async (context) => {
      // Host and computer share one clock. The fault starts with systemctl, not with the login to the host.
      const epoch = await runOn(context.holder, "echo $EPOCHREALTIME\nsystemctl stop haproxy");
      context.markFaultStart(Number(epoch) * 1000 - performance.timeOrigin);
    },
    heal: async ({ holder }) => {
      await runOn(holder, "systemctl start haproxy");
    },
  },
  {
    name: "haproxy-hung",
    description: "HAProxy on the holder hung (SIGSTOP), and woken (SIGCONT)",
    holdSeconds: 10,
    ...hungHaproxy,
    heal: resumeHaproxy,
  },
  {
    name: "haproxy-hung-for-good",
    description: "HAProxy on the holder hung (SIGSTOP), and nobody wakes it",
    holdSeconds: 10,
    ...hungHaproxy,
    cleanUp: resumeHaproxy,
  },
  {
    name: "keepalived-killed",
    description: "Keepalived on the holder killed (SIGKILL)",
    holdSeconds: 10,
    verifyAfterSeconds: 1,
    goals: { mustBeNoticed: false },
    inject: (context) => signalProcesses(context, "keepalived", "SIGKILL"),
  },
  {
    name: "holder-off",
    description: "the holder's machine powered off, and on again",
    holdSeconds: 20,
    goals: { addressSeconds: 1, publishingSeconds: 15 },
    inject: (context) => context.powerOff(context.holder),
    heal: (context) => context.powerOn(context.holder),
  },
  {
    name: "balancers-restarted",
    description: "balancer machines restarted in turn, the holder first",
    holdSeconds: 10,
    verifyAfterSeconds: 0,
    goals: { mustBeNoticed: false },
    inject: async (context) => {
      context.markFaultStart();
      const others = context.balancers.filter((name) => name !== context.holder);
      for (const host of [context.holder, ...others]) {
        await context.restart(host);
        await runOn(
          host,
          "timeout 30 bash -c 'until systemctl -q is-active haproxy keepalived; do sleep 0.2; done'",
        );
      }
    },
  },
];
