/** @returns how brokers speak with each other, as it follows "speak" */
export function interNodeWords(byTls: boolean): string {
  return byTls ? "by TLS" : "without TLS";
}
