/** The commit whose code is measured. */
import { execa } from "execa";
import { root } from "../stacks/trial-stack.ts";

/** @returns the short hash, with `+` where files outside docs differ from it; undefined outside a repository */
export async function readCommit(): Promise<string | undefined> {
  const git = (...args: readonly string[]) => execa("git", ["-C", root, ...args], { reject: false });
  const { stdout: hash, failed } = await git("rev-parse", "--short=7", "HEAD");
  if (failed) return undefined;
  const { exitCode } = await git("diff", "--quiet", "HEAD", "--", ".", ":(exclude)docs");
  return exitCode === 0 ? hash : `${hash}+`;
}
