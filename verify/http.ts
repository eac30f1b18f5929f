/** Pages over HTTP, each within a deadline. */

/** Seconds that one answer may take. A server that is well takes hundredths of one; a laden computer takes longer. */
const patience = 8;

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** @throws what `because` puts in words, when there is no answer */
export async function request(url: string, credentials?: Credentials, method = "GET"): Promise<Response> {
  const headers: Record<string, string> = {};
  if (credentials !== undefined) {
    const { user, password } = credentials;
    headers["authorization"] = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  }
  return fetch(url, { method, headers, signal: AbortSignal.timeout(patience * 1000) });
}
