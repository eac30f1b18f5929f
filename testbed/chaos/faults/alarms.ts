/** Resource alarms: a broker with an alarm blocks every publisher of the cluster until the alarm clears. */
import { runOn } from "../host-actions.ts";
import type { Fault } from "./fault.ts";

const alarmFault = (name: string, what: string, raise: string, clear: string): Fault => ({
  name,
  description: `${what} alarm raised on one broker for 10 s, and cleared`,
  holdSeconds: 10,
  goals: {},
  inject: async (scene) => {
    scene.markFaultStart();
    await runOn(scene.brokers[2] ?? "", `rabbitmqctl -q ${raise} </dev/null`);
  },
  heal: async (scene) => {
    await runOn(scene.brokers[2] ?? "", `rabbitmqctl -q ${clear} </dev/null`);
  },
});

export const alarmFaults: readonly Fault[] = [
  // 0.4 and 50 MB are RabbitMQ's own defaults.
  alarmFault(
    "memory-alarm",
    "memory",
    "set_vm_memory_high_watermark absolute 1",
    "set_vm_memory_high_watermark 0.4",
  ),
  alarmFault("disk-alarm", "disk", "set_disk_free_limit 1000000GB", "set_disk_free_limit 50MB"),
];
