/** The options of `up` and `preview` that allow something for single hosts; the program reads them as variables. */
import { newHostKeysVariable } from "../hosts/new-host-keys.ts";
import { takeOverVariable } from "../hosts/machine-take-over.ts";
import { hostNames } from "./replace.ts";
import { extractOption } from "./stack.ts";

const takeOverOption = {
  name: "take-over",
  valueHint: "the machines' names, such as --take-over mq1,mq2",
} as const;
const newHostKeyOption = {
  name: "new-host-key",
  valueHint: "the hosts' names or addresses, such as --new-host-key mq1,10.20.0.12",
} as const;

/** @returns the environment's variables, and the remaining arguments */
export function takeHostOptions(args: readonly string[]): {
  readonly variables: Readonly<Record<string, string>>;
  readonly rest: readonly string[];
} {
  const { value: takeOver, rest: others } = extractOption(args, takeOverOption);
  const { value: newHostKeys, rest } = extractOption(others, newHostKeyOption);
  // A replaced machine is another one, with keys of its own.
  const renewed = [...(newHostKeys === undefined ? [] : [newHostKeys]), ...hostNames(rest).values()];
  return {
    variables: {
      ...(takeOver === undefined ? {} : { [takeOverVariable]: takeOver }),
      ...(renewed.length === 0 ? {} : { [newHostKeysVariable]: renewed.join(",") }),
    },
    rest,
  };
}
