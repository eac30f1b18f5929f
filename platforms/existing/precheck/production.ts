/** What RabbitMQ asks of a broker's machine in production, beyond what the program needs. */
import { joinNames } from "../../../config/faults.ts";
import { diskLimit, memoryWatermark } from "../../../hosts/rabbitmq-limits.ts";
import { machineLabel } from "./probe-target.ts";
import { hasFacts, type ProbeResult } from "./probe.ts";

/** https://www.rabbitmq.com/docs/production-checklist#minimum-hardware */
const minCores = 4;
/** 4 GiB, less what the kernel and the firmware keep to themselves. */
const minMemoryKib = 3.5 * 1024 ** 2;

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
    ...diskLimitAdvice(Math.max(...brokers.map(({ memoryKib }) => memoryKib)), settings),
  ];
  return tells.length === 0 ? undefined : tells.join(" ");
}

/** Not for other watermarks than the default: who sets one knows of the other. */
function diskLimitAdvice(memoryKib: number, settings: Readonly<Record<string, unknown>>): string[] {
  const isStated = Object.keys(settings).some((key) =>
    /^(disk_free_limit|vm_memory_high_watermark)\./.test(key),
  );
  if (isStated || memoryKib * memoryWatermark <= diskLimit.kib) return [];
  return [
    `Brokers block publishers below ${diskLimit.setting} of free disk; RabbitMQ recommends as much as their memory's watermark, ` +
      `here ${gibibytes(memoryKib * memoryWatermark)}: set disk_free_limit.relative to ${memoryWatermark} in rabbitmq.settings.`,
  ];
}

function gibibytes(kib: number): string {
  return `${(kib / 1024 ** 2).toFixed(1)} GiB`;
}
