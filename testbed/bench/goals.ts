/** The goals for the figures, and whether they are met. */
import { median, worst, type Figure, type Part } from "./figures.ts";

export interface Verdict {
  readonly goal: string;
  /** The value as shown; `–` when its figures were not measured. */
  readonly measured: string;
  readonly met: boolean | undefined;
  /** The known cause of a missed goal. */
  readonly cause?: string;
}

interface RatioGoal {
  readonly part: Part;
  readonly what: string;
  readonly who: string;
  readonly baseline: string;
  readonly bound: number;
  /** Whether the bound is a minimum. @default false: a maximum */
  readonly isMinimum?: boolean;
  /** The cause when the goal is missed. */
  readonly cause: string;
}

const loginsCause =
  "up to RabbitMQ 3.10 the first broker serves before the others start (decision 0038), a broker's boot; some hundred " +
  "steps, each with a login and a start of the program there, where the script has one login per host: with the CLI and " +
  "the program here 1.4 times the script's processor time, and both cores are busy; and members, policy, backends and " +
  "address are seen before the next step";
const startCause =
  "the start of the CLI, of Node and of the program, which is all that an up without changes does";

const ratioGoals: readonly RatioGoal[] = [
  {
    part: "cold",
    what: "3 brokers",
    who: "pulumi up",
    baseline: "SSH script",
    bound: 1.1,
    cause: loginsCause,
  },
  { part: "cold", what: "3 brokers", who: "pulumi up", baseline: "Ansible", bound: 0.55, cause: loginsCause },
  {
    part: "nochange",
    what: "run, nothing to change",
    who: "pulumi up",
    baseline: "Ansible",
    bound: 0.12,
    cause: startCause,
  },
  {
    part: "setting",
    what: "one HAProxy setting",
    who: "pulumi up",
    baseline: "Ansible",
    bound: 0.15,
    cause: startCause,
  },
  {
    part: "rolling",
    what: "one setting of the brokers'",
    who: "pulumi up",
    baseline: "SSH script",
    bound: 1.3,
    cause: "what is asked before and after each restart, and the balancers' look at each broker",
  },
  ...["mirrored queues", "quorum queues"].map((queues): RatioGoal => ({
    part: "throughput",
    what: `${queues}, as fast as it goes`,
    who: "through the address",
    baseline: "to the brokers",
    bound: 0.95,
    isMinimum: true,
    cause: "HAProxy, the brokers and the load tool share the machine's cores",
  })),
];

/** Limits in seconds without service: of the median, and of the worst value. */
const outageGoals: Readonly<Record<string, readonly [number | undefined, number]>> = {
  "holder powered off": [0.7, 1],
  "HAProxy killed": [undefined, 2.5],
  "HAProxy stopped": [undefined, 2.5],
  "HAProxy hung": [undefined, 2.5],
};

export function judgeGoals(figures: readonly Figure[]): Verdict[] {
  const find = (part: Part, what: string, who: string): Figure | undefined =>
    figures.find((figure) => figure.part === part && figure.what === what && figure.who === who);
  const fromRatios = ratioGoals.map(
    ({ part, what, who, baseline, bound, cause, isMinimum = false }): Verdict => {
      const ratio =
        median(find(part, what, who)?.values ?? []) / median(find(part, what, baseline)?.values ?? []);
      const verdict = judgeValue(ratio, (value) => (isMinimum ? value >= bound : value <= bound), "×");
      return {
        goal: `${what}: ${who} ${isMinimum ? "≥" : "≤"} ${bound} × ${baseline}`,
        ...verdict,
        ...(verdict.met === false ? { cause } : {}),
      };
    },
  );
  const fromGaps = Object.entries(outageGoals).flatMap(([what, [middle, most]]) => {
    const figure = figures.find((one) => one.part === "failover" && one.what === what);
    const values = figure?.values ?? [];
    const rows: Verdict[] = [
      {
        goal: `${what}: no service for ${most} s at worst`,
        ...judgeValue(worst({ values, unit: "s" }), (value) => value <= most, "s"),
      },
    ];
    if (middle !== undefined) {
      rows.unshift({
        goal: `${what}: no service for ${middle} s in the median`,
        ...judgeValue(median(values), (value) => value <= middle, "s"),
      });
    }
    return rows;
  });
  return [...fromRatios, ...fromGaps];
}

function judgeValue(value: number, good: (value: number) => boolean, unit: string): Omit<Verdict, "goal"> {
  if (Number.isNaN(value)) return { measured: "–", met: undefined };
  return { measured: `${value.toFixed(2)} ${unit}`, met: good(value) };
}
