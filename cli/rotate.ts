/** `npm run rotate`: changes a secret while clients go on with the old one and with the new one. */
import { parseArgs } from "node:util";
import { definitionsStepName } from "../hosts/resource-names.ts";
import { UserError } from "../user-error.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { apply } from "./rotate/apply.ts";
import { closingUsers, withClosing } from "./rotate/closing.ts";
import { withNextCookie } from "./rotate/cookie.ts";
import { leavingUsers, refusalToFinish, startMessage, unendedMessages } from "./rotate/finish.ts";
import { rotateSshKey } from "./rotate/ssh-key.ts";
import { planFinish, planStart, rotatedOf, type Plan, type Rotated } from "./rotate/plan.ts";
import { withValue } from "./stack-edit.ts";
import { askUsers, awaitConnectionList } from "./rotate/users.ts";
import { resourceNameOf } from "./repair-plan.ts";
import { readStackFile } from "./stack-file.ts";
import { readResources, extractStackOption } from "./stack.ts";
import { readSystem } from "./verify.ts";

const subjects = ["administrator", "user", "cookie", "ssh-key"] as const;
type Subject = (typeof subjects)[number];

/** The flags of each, next to --stack and --preview. */
const flagsOf: Readonly<Record<Subject, readonly string[]>> = {
  administrator: ["name", "finish", "close-connections"],
  user: ["name", "finish", "close-connections"],
  cookie: [],
  "ssh-key": ["key", "finish"],
};

export interface RotateOptions {
  readonly subject: Subject;
  /** Absent: the administrator. */
  readonly user?: string;
  /** Of the new user. */
  readonly name?: string;
  /** The file of the new SSH key. */
  readonly key?: string;
  readonly finish: boolean;
  readonly closeConnections: boolean;
  readonly preview: boolean;
}

/** @throws UserError if the arguments say nothing that can be rotated, or contradict each other */
export function parseRotateOptions(args: readonly string[]): RotateOptions {
  const { values, positionals } = parse(args);
  const [given, user] = positionals;
  const subject = subjects.find((each) => each === given);
  if (subject === undefined)
    throw new UserError("rotate takes what to rotate: administrator, user NAME, cookie, or ssh-key");
  const flags = ["preview", ...flagsOf[subject]];
  const wrong = Object.keys(values).find((flag) => !flags.includes(flag));
  if (wrong !== undefined)
    throw new UserError(
      `rotate ${subject} takes no --${wrong}, only ${["stack NAME", ...flags].map((flag) => `--${flag}`).join(", ")}`,
    );
  if (positionals.length !== (subject === "user" ? 2 : 1))
    throw new UserError(`rotate ${subject} takes ${subject === "user" ? "one name" : "no name"}`);
  const {
    finish = false,
    "close-connections": closeConnections = false,
    preview = false,
    name,
    key,
  } = values;
  if (finish && name !== undefined)
    throw new UserError("--name is for the beginning of a rotation, and --finish for its end; leave one out");
  if (finish && key !== undefined)
    throw new UserError("--key is for the beginning of a rotation, and --finish for its end; leave one out");
  if (closeConnections && !finish)
    throw new UserError("--close-connections is for the end of a rotation; write it beside --finish");
  return {
    subject,
    finish,
    closeConnections,
    preview,
    ...(user === undefined ? {} : { user }),
    ...(name === undefined ? {} : { name }),
    ...(key === undefined ? {} : { key }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        name: { type: "string" },
        key: { type: "string" },
        finish: { type: "boolean" },
        "close-connections": { type: "boolean" },
        preview: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UserError(`rotate: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { stack, rest } = extractStackOption(args);
  const options = parseRotateOptions(rest);
  if (options.subject === "ssh-key") return rotateSshKey(pulumi, stack, options);
  if (options.subject === "cookie") return rotateCookie(pulumi, stack, options);
  const former = readStackFile(stack);
  const place = { stack, former, rotated: rotatedOf(former, options.user) };
  return options.finish ? finish(pulumi, place, options) : start(pulumi, place, options);
}

/** It has no second half: the former cookie is refused from then on, which only brokers and their tools notice. */
async function rotateCookie(
  pulumi: PulumiCli,
  stack: string,
  { preview: previewOnly }: RotateOptions,
): Promise<number> {
  const former = readStackFile(stack);
  const text = withNextCookie(former, await readSystem(pulumi, stack));
  return apply({ pulumi, stack, former, text, previewOnly });
}

/** What is rotated, and the text of the stack's file that says so. */
interface Place {
  readonly stack: string;
  readonly former: string;
  readonly rotated: Rotated;
}

async function start(
  pulumi: PulumiCli,
  place: Place,
  { name, preview: previewOnly }: RotateOptions,
): Promise<number> {
  const { stack, former, rotated } = place;
  const plan = planStart(rotated, name, new Date(), stack);
  await readSystem(pulumi, stack);
  const code = await apply({ pulumi, stack, former, text: textOf(place, plan), previewOnly });
  if (code === 0 && !previewOnly) process.stdout.write(`\n${startMessage(stack, rotated, plan)}\n`);
  return code;
}

async function finish(
  pulumi: PulumiCli,
  place: Place,
  { closeConnections, preview: previewOnly }: RotateOptions,
): Promise<number> {
  const { stack, former, rotated } = place;
  const plan = planFinish(rotated, stack);
  const system = await readSystem(pulumi, stack);
  const answer = await askUsers(system, closeConnections ? undefined : awaitConnectionList);
  const leaving = leavingUsers(rotated, plan, system, answer);
  const refusal = refusalToFinish({ rotated, plan, stack, leaving, answer, closeConnections });
  if (refusal !== undefined) throw new UserError(`nothing was changed: ${refusal}`);
  const written = textOf(place, plan);
  const text = closeConnections
    ? withClosing(written, rotated, await closingUsers(system, rotated, plan, leaving))
    : written;
  const flags = plan.isWritten && rotated.kind === "user" ? await rerunFlags(pulumi, stack) : [];
  const code = await apply({ pulumi, stack, former, text, previewOnly, flags });
  if (code !== 0 || previewOnly) return code;
  const now = await readSystem(pulumi, stack);
  const after = await askUsers(now);
  const unended = unendedMessages({
    rotated,
    plan,
    stack,
    leaving,
    after,
    system: now,
  });
  if (unended.length > 0) {
    process.stderr.write(`\n${unended.join("\n")}\n`);
    return 1;
  }
  process.stdout.write(`\n${plan.users.join(", ")} alone is valid in the place of ${rotated.name}\n`);
  return 0;
}

function textOf({ former, rotated }: Place, { users, isWritten }: Plan): string {
  return isWritten ? former : withValue(former, ["rotation", rotated.name], users);
}

/** Without a change the step on the definitions would not look again. */
async function rerunFlags(pulumi: PulumiCli, stack: string): Promise<string[]> {
  const resources = await readResources(pulumi, stack);
  const step = resources.find(({ urn }) => resourceNameOf(urn) === definitionsStepName);
  return step === undefined ? [] : ["--replace", step.urn];
}
