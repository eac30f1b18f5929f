/** Resource alarms: a broker with an alarm blocks every publisher of the cluster until the alarm clears. */
import { runOn } from "../host-actions.ts";
import type { Fault } from "./fault.ts";

/** @param key the setting that the alarm belongs to @param restore the Erlang function that sets it */
const alarmFault = (name: string, what: string, raise: string, key: string, restore: string): Fault => ({
  name,
  description: `${what} alarm raised on one broker for 10 s, and cleared`,
  holdSeconds: 10,
  goals: {},
  inject: async (context) => {
    context.markFaultStart();
    await runOn(context.brokers[2] ?? "", `rabbitmqctl -q ${raise} </dev/null`);
  },
  heal: async (context) => {
    // The broker's own value, which depends on the version and the stack.
    const expression = `{ok, Limit} = application:get_env(rabbit, ${key}), ${restore}(Limit).`;
    await runOn(context.brokers[2] ?? "", `rabbitmqctl -q eval '${expression}' </dev/null`);
  },
});

export const alarmFaults: readonly Fault[] = [
  alarmFault(
    "memory-alarm",
    "memory",
    "set_vm_memory_high_watermark absolute 1",
    "vm_memory_high_watermark",
    "vm_memory_monitor:set_vm_memory_high_watermark",
  ),
  alarmFault(
    "disk-alarm",
    "disk",
    "set_disk_free_limit 1000000GB",
    "disk_free_limit",
    "rabbit_disk_monitor:set_disk_free_limit",
  ),
];
