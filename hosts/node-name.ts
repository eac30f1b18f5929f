/** @returns the short host name in an Erlang node name such as `rabbit@cent120` */
export function shortHostName(node: string): string {
  return node.replace(/^[^@]*@/, "").replace(/\..*$/, "");
}
