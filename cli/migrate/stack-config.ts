/** Writes to a stack's file which brokers its balancers serve, if not its own. */
import { isAlias, parseDocument } from "yaml";
import type { Server } from "../../migration/haproxy.ts";
import { UserError } from "../../user-error.ts";
import { keyIn } from "../stack-edit.ts";

/**
 * @param text of the stack's file
 * @param servers undefined: the stack's own brokers
 * @returns the text with or without the key `haproxy.brokers`; all else stays, comments too
 */
export function setServedBrokers(text: string, servers: readonly Server[] | undefined): string {
  const document = parseDocument(text);
  const block = ["config", keyIn(text, "haproxy")];
  // An alias would be changed where it is defined too.
  if (isAlias(document.getIn(block, true)))
    throw new UserError(
      "the stack's file has an alias as haproxy; write the block out, since the migration adds brokers to it",
    );
  const path = [...block, "brokers"];
  if (servers === undefined) {
    if (!document.hasIn(path)) return text;
    document.deleteIn(path);
    const rest = document.getIn(block) as { readonly items?: readonly unknown[] } | undefined;
    if (rest?.items?.length === 0) document.deleteIn(block);
  } else {
    // A bare key has no block yet.
    if (document.hasIn(block) && (document.getIn(block) ?? undefined) === undefined) document.deleteIn(block);
    const value = document.createNode(servers.map(({ name, address }) => ({ name, address })));
    for (const each of (value as { items: { flow?: boolean }[] }).items) each.flow = true;
    document.setIn(path, value);
  }
  return document.toString({ lineWidth: 0 });
}
