/** What the figures are to be, and whether they are. */
import { median, worst, type Figure, type Part } from "./figures.ts";

export interface Verdict {
  readonly goal: string;
  /** As it is shown; `–` where the figures for it were not measured. */
  readonly measured: string;
  readonly met: boolean | undefined;
  /** Where the time goes that is too much, as far as it is known; of a goal that is not met. */
  readonly cause?: string;
}

interface Ratio {
  readonly part: Part;
  readonly what: string;
  readonly who: string;
  readonly against: string;
  readonly bound: number;
  /** Whether the bound is the least, not the most, that it may be. */
  readonly least?: boolean;
  /** Where the time goes when the goal is missed. */
  readonly cause: string;
}

const logins =
  "some hundred steps, each with a login and a start of the program there, where the script has one login per host; " +
  "and members, policy, backends and address are seen before the next step";
const start =
  "the start of the CLI, of Node and of the program, which is all that an up without changes does";

const ratios: readonly Ratio[] = [
  { part: "cold", what: "3 brokers", who: "pulumi up", against: "SSH script", bound: 1.1, cause: logins },
  { part: "cold", what: "3 brokers", who: "pulumi up", against: "Ansible", bound: 0.55, cause: logins },
  {
    part: "nochange",
    what: "run, nothing to change",
    who: "pulumi up",
    against: "Ansible",
    bound: 0.12,
    cause: start,
  },
  {
    part: "setting",
    what: "one HAProxy setting",
    who: "pulumi up",
    against: "Ansible",
    bound: 0.15,
    cause: start,
  },
  {
    part: "rolling",
    what: "one setting of the brokers'",
    who: "pulumi up",
    against: "SSH script",
    bound: 1.3,
    cause: "what is asked before and after each restart, and the balancers' look at each broker",
  },
  ...["mirrored queues", "quorum queues"].map((queues): Ratio => ({
    part: "throughput",
    what: `${queues}, as fast as it goes`,
    who: "through the address",
    against: "to the brokers",
    bound: 0.95,
    least: true,
    cause: "HAProxy, the brokers and the load tool share the machine's cores",
  })),
];

/** Seconds without service: the median and the worst that may be. */
const gaps: Readonly<Record<string, readonly [number | undefined, number]>> = {
  "holder powered off": [0.7, 1],
  "HAProxy killed": [undefined, 2.5],
  "HAProxy stopped": [undefined, 2.5],
  "HAProxy hung": [undefined, 2.5],
};

export function verdicts(figures: readonly Figure[]): Verdict[] {
  const find = (part: Part, what: string, who: string): Figure | undefined =>
    figures.find((figure) => figure.part === part && figure.what === what && figure.who === who);
  const fromRatios = ratios.map(({ part, what, who, against, bound, cause, least = false }): Verdict => {
    const ratio =
      median(find(part, what, who)?.values ?? []) / median(find(part, what, against)?.values ?? []);
    const verdict = judged(ratio, (value) => (least ? value >= bound : value <= bound), "×");
    return {
      goal: `${what}: ${who} ${least ? "≥" : "≤"} ${bound} × ${against}`,
      ...verdict,
      ...(verdict.met === false ? { cause } : {}),
    };
  });
  const fromGaps = Object.entries(gaps).flatMap(([what, [middle, most]]) => {
    const figure = figures.find((one) => one.part === "failover" && one.what === what);
    const values = figure?.values ?? [];
    const rows: Verdict[] = [
      {
        goal: `${what}: no service for ${most} s at worst`,
        ...judged(worst({ values, unit: "s" }), (value) => value <= most, "s"),
      },
    ];
    if (middle !== undefined) {
      rows.unshift({
        goal: `${what}: no service for ${middle} s in the median`,
        ...judged(median(values), (value) => value <= middle, "s"),
      });
    }
    return rows;
  });
  return [...fromRatios, ...fromGaps];
}

function judged(value: number, good: (value: number) => boolean, unit: string): Omit<Verdict, "goal"> {
  if (Number.isNaN(value)) return { measured: "–", met: undefined };
  return { measured: `${value.toFixed(2)} ${unit}`, met: good(value) };
}
