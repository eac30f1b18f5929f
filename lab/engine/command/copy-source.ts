import type { ConnectionArgs } from "./dial.ts";
import type { CheckFailure } from "./schema.ts";
import { fold, isArchive, isAsset, isMap, type Wire } from "./wire.ts";

export interface CopyInputs {
  readonly connection: ConnectionArgs;
  readonly remotePath: string;
  readonly source: Wire;
}

/** The source must be a file or a folder on this machine. */
export function sourceFailures(source: Wire | undefined): CheckFailure[] {
  const { value, unknown } = fold(source);
  if (unknown || (!isAsset(value) && !isArchive(value))) {
    // An unknown source fails the preview, in the real provider too.
    return [{ property: "asset", reason: "either asset or archive must be set" }];
  }
  if (typeof value["path"] === "string" && value["path"] !== "") {
    return [];
  }
  return isAsset(value)
    ? [{ property: "asset", reason: "asset must be a path-based file asset" }]
    : [{ property: "archive", reason: "archive must be a path to a file or directory" }];
}

/** Whether an update has to copy: the content or the destination changed, the machine does not count. */
export function mustCopyAgain(old: CopyInputs, next: CopyInputs): boolean {
  return hashOf(old.source) !== hashOf(next.source) || old.remotePath !== next.remotePath;
}

function hashOf(source: Wire): Wire | undefined {
  return isMap(source) ? source["hash"] : undefined;
}
