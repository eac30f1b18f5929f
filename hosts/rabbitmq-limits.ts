/** The program's defaults for when a broker blocks publishers (https://www.rabbitmq.com/docs/alarms). */

/** `vm_memory_high_watermark.relative`: the share of the memory in use. */
export const memoryWatermark = 0.4;

/** `disk_free_limit.absolute`: free disk, as RabbitMQ writes it, and in KiB. */
export const diskLimit = { setting: "1GB", kib: 1e9 / 1024 } as const;
