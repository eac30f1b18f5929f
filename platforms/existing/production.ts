/** What RabbitMQ asks of a broker's machine in production, beyond what the program needs. */
import { joinNames } from "../../config/faults.ts";
import { machineLabel } from "./probe-target.ts";
import { hasFacts, type ProbeResult } from "./probe.ts";

/** https://www.rabbitmq.com/docs/production-checklist#minimum-hardware */
const minCores = 4;
/** 4 GiB, less what the kernel and the firmware keep to themselves. */
const minMemoryKib = 3.5 * 1024 ** 2;
/** The program's defaults: the share of the memory at which publishers are blocked, and the free disk in KiB. */
const defaultWatermark = 0.4;
const defaultDiskLimitKib = 1e9 / 1024;

/**
 * @param settings the configured lines of rabbitmq.conf
 * @returns which brokers are smaller than RabbitMQ recommends, and whether less disk is kept free than it recommends;
 * undefined if nothing is to be said
 */
export function productionNotice(
  results: readonly ProbeResult[],
  settings: Readonly<Record<string, string | number | boolean>>,
): string | undefined {
  const brokers = results.flatMap(({ machine, outcome }) =>
    machine.role === "broker" && hasFacts(outcome) ? [{ label: machineLabel(machine), ...outcome }] : [],
  );
  const small = brokers.filter(({ cores, memoryKib }) => cores < minCores || memoryKib < minMemoryKib);
  const names = joinNames(
    small.map(({ label, cores, memoryKib }) => {
      const has = [...(Number.isNaN(cores) ? [] : [`${cores} cores`]), gibibytes(memoryKib)];
      return `${label} (${has.join(", ")})`;
    }),
  );
  const size = `${names}: for production RabbitMQ recommends ${minCores} cores and 4 GiB of memory for each broker.`;
  const tells = [
    ...(small.length === 0 ? [] : [size]),
    ...diskLimit(Math.max(...brokers.map(({ memoryKib }) => memoryKib)), settings),
  ];
  return tells.length === 0 ? undefined : tells.join(" ");
}

/** Not for other watermarks than the default: who sets one knows of the other. */
function diskLimit(memoryKib: number, settings: Readonly<Record<string, unknown>>): string[] {
  const isStated = Object.keys(settings).some((key) =>
    /^(disk_free_limit|vm_memory_high_watermark)\./.test(key),
  );
  if (isStated || memoryKib * defaultWatermark <= defaultDiskLimitKib) return [];
  return [
    `Brokers block publishers below 1 GB of free disk; RabbitMQ recommends as much as their memory's watermark, ` +
      `here ${gibibytes(memoryKib * defaultWatermark)}: set disk_free_limit.relative to ${defaultWatermark} in rabbitmq.settings.`,
  ];
}

function gibibytes(kib: number): string {
  return `${(kib / 1024 ** 2).toFixed(1)} GiB`;
}
