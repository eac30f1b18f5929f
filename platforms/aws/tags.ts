/** The tags of all AWS resources of the stack. */

/** @returns the tags of one resource, by its name in the stack */
export type TagFactory = (name: string) => Record<string, string>;

/** The user's tags, and the two that identify the stack's resources; these override the user's. */
export function makeTagFactory(stack: string, own: Readonly<Record<string, string>>): TagFactory {
  return (name) => ({ ...own, Name: `rabbitmq-ha-${stack}-${name}`, "rabbitmq-ha:stack": stack });
}
