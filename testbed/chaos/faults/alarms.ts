/** Resource alarms: a broker that has one blocks every publisher of the cluster until it clears. */
import { on } from "../machines.ts";
import type { Fault } from "./fault.ts";

const alarm = (name: string, what: string, raise: string, clear: string): Fault => ({
  name,
  what: `${what} alarm raised on one broker for 10 s, and cleared`,
  hold: 10,
  goals: {},
  inject: async (scene) => {
    scene.strike();
    await on(scene.brokers[2] ?? "", `rabbitmqctl -q ${raise} </dev/null`);
  },
  heal: async (scene) => {
    await on(scene.brokers[2] ?? "", `rabbitmqctl -q ${clear} </dev/null`);
  },
});

export const alarmFaults: readonly Fault[] = [
  // 0.4 and 50 MB are RabbitMQ's own defaults.
  alarm(
    "memory-alarm",
    "memory",
    "set_vm_memory_high_watermark absolute 1",
    "set_vm_memory_high_watermark 0.4",
  ),
  alarm("disk-alarm", "disk", "set_disk_free_limit 1000000GB", "set_disk_free_limit 50MB"),
];
