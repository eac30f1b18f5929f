/** Rules on the brokers' plug-ins and their files. */
import type { Fault } from "./faults.ts";
import { pluginOfFile, typingFault } from "./plugins.ts";
import { itemsOf, textAt, type ConfigReading } from "./reading.ts";

/** A name may resemble a shipped plug-in's only if a file brings it, and each plug-in has one file. */
export function pluginNameFaults(reading: ConfigReading): Fault[] {
  const files = itemsOf(reading, ["rabbitmq", "pluginFiles"]).map((path) => {
    const url = textAt(reading, [...path, "url"]);
    return { path, url, plugin: url === undefined ? undefined : pluginOfFile(url) };
  });
  const brought = files.flatMap(({ plugin }) => plugin ?? []);
  const names = itemsOf(reading, ["rabbitmq", "plugins"]).flatMap((path): Fault[] => {
    const value = textAt(reading, path);
    const message = value === undefined ? undefined : typingFault(value, brought);
    return message === undefined ? [] : [{ path, value, message }];
  });
  const doubled = files.flatMap(({ path, url, plugin }, index): Fault[] => {
    const first = files.findIndex((other) => plugin !== undefined && other.plugin === plugin);
    if (first < 0 || first === index) return [];
    const message = `a second file of ${plugin ?? "it"}; remove one of them`;
    return [{ path: [...path, "url"], value: url, message }];
  });
  return [...names, ...doubled];
}
