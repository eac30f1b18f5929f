/** The tags of everything that the stack makes in the account. */

/** @returns the tags of one thing, by what it is in the stack */
export type Tags = (name: string) => Record<string, string>;

/** The user's own tags come first, but for the two that tell the stack's things from others. */
export function tagsOf(stack: string, own: Readonly<Record<string, string>>): Tags {
  return (name) => ({ ...own, Name: `rabbitmq-ha-${stack}-${name}`, "rabbitmq-ha:stack": stack });
}
