/** Applies a changed text of the stack's file: previewed first, then written, then `up`. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PulumiCli } from "../run-pulumi.ts";
import { UserError } from "../../user-error.ts";
import { addSalt, copies, readStackFile, saltOf, stackFileName, writeStackFile } from "../stack-file.ts";
import { prepareStack } from "../stack.ts";
import { run as runUp } from "../up.ts";

export interface Application {
  readonly pulumi: PulumiCli;
  readonly stack: string;
  /** The text of the stack's file that was read, and the new one. */
  readonly former: string;
  readonly text: string;
  /** Whether to end after the preview. */
  readonly previewOnly: boolean;
  /** Flags of Pulumi's `up`. @default none */
  readonly flags?: readonly string[];
}

/**
 * @returns the exit code; the file is as it was if the preview fails
 * @throws UserError if somebody has changed the file meanwhile
 */
export async function apply(application: Application): Promise<number> {
  const { pulumi, stack, former, text, previewOnly, flags = [] } = application;
  const previewed = await previewText(pulumi, stack, text);
  if (previewed !== 0) {
    process.stderr.write(`\nnothing was changed, and ${stackFileName(stack)} is as it was\n`);
    return previewed;
  }
  if (previewOnly) return 0;
  if (readStackFile(stack) !== former)
    throw new UserError(
      `nothing was changed: ${stackFileName(stack)} has been changed meanwhile, by another run or by hand; run this again`,
    );
  writeStackFile(stack, text);
  return runUp(pulumi, ["--stack", stack, ...flags]);
}

/** Shows what `up` would do with another text of the stack's file. */
async function previewText(pulumi: PulumiCli, stack: string, text: string): Promise<number> {
  const flags = await prepareStack(pulumi, stack, []);
  const copy = flags[flags.indexOf("--config-file") + 1];
  const salt = flags.includes("--config-file") && copy !== undefined ? saltOf(copy) : undefined;
  const path = join(copies, `rotate-${process.pid}-${stackFileName(stack)}`);
  await mkdir(copies, { recursive: true });
  await writeFile(path, salt === undefined ? text : (addSalt(text, { state: { salt } }) ?? text));
  try {
    return await pulumi.run(["preview", "--stack", stack, "--config-file", path]);
  } finally {
    await rm(path, { force: true });
  }
}
