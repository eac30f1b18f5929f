/** Where hosts can come from: the values of the stack's `platform`. It imports nothing, so that the CLI starts quickly. */
export const platformKinds = ["lab", "existing", "aws"] as const;
export type PlatformKind = (typeof platformKinds)[number];

/** The platform of a stack that states none. */
export const defaultPlatform: PlatformKind = "lab";

/** What is wrong with any other value, and what to write instead. */
export const unknownPlatform = "unknown platform; write lab, existing or aws";

export function isPlatformKind(value: unknown): value is PlatformKind {
  return platformKinds.some((kind) => kind === value);
}
