/** HAProxy, Keepalived and their machines. */
import { on, processes, signal } from "../machines.ts";
import type { Fault, Scene } from "./fault.ts";

const send = async (scene: Scene, command: string, name: NodeJS.Signals): Promise<void> => {
  const pids = await processes(scene.holder, command);
  scene.strike();
  signal(pids, name);
};

const wake = async ({ holder }: Scene): Promise<void> => {
  signal(await processes(holder, "haproxy"), "SIGCONT");
};

const hung = {
  inject: (scene: Scene) => send(scene, "haproxy", "SIGSTOP"),
  goals: { address: 2.5 },
};

export const balancerFaults: readonly Fault[] = [
  {
    name: "haproxy-killed",
    what: "HAProxy on the holder killed (SIGKILL)",
    hold: 10,
    ask: 1,
    goals: { address: 2.5, noticed: false },
    inject: (scene) => send(scene, "haproxy", "SIGKILL"),
  },
  {
    name: "haproxy-stopped",
    what: "HAProxy on the holder stopped (systemctl), and started again",
    hold: 10,
    goals: { address: 2.5 },
    inject: async (scene) => {
      // The same clock as here: the fault begins when systemctl does, not with the way into the host.
      const epoch = await on(scene.holder, "echo $EPOCHREALTIME\nsystemctl stop haproxy");
      scene.strike(Number(epoch) * 1000 - performance.timeOrigin);
    },
    heal: async ({ holder }) => {
      await on(holder, "systemctl start haproxy");
    },
  },
  {
    name: "haproxy-hung",
    what: "HAProxy on the holder hung (SIGSTOP), and woken (SIGCONT)",
    hold: 10,
    ...hung,
    heal: wake,
  },
  {
    name: "haproxy-hung-for-good",
    what: "HAProxy on the holder hung (SIGSTOP), and nobody wakes it",
    hold: 10,
    ...hung,
    tidy: wake,
  },
  {
    name: "keepalived-killed",
    what: "Keepalived on the holder killed (SIGKILL)",
    hold: 10,
    ask: 1,
    goals: { noticed: false },
    inject: (scene) => send(scene, "keepalived", "SIGKILL"),
  },
  {
    name: "holder-off",
    what: "the holder's machine powered off, and on again",
    hold: 20,
    goals: { address: 1, publishing: 15 },
    inject: (scene) => scene.powerOff(scene.holder),
    heal: (scene) => scene.powerOn(scene.holder),
  },
  {
    name: "balancers-restarted",
    what: "balancer machines restarted in turn, the holder first",
    hold: 10,
    ask: 0,
    goals: { noticed: false },
    inject: async (scene) => {
      scene.strike();
      const others = scene.balancers.filter((name) => name !== scene.holder);
      for (const host of [scene.holder, ...others]) {
        await scene.restart(host);
        await on(
          host,
          "timeout 30 bash -c 'until systemctl -q is-active haproxy keepalived; do sleep 0.2; done'",
        );
      }
    },
  },
];
