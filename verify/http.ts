/** HTTP requests with a timeout. */

/** A healthy server answers within hundredths of a second; a busy computer takes longer. */
const timeoutSeconds = 8;

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/**
 * @param body sent as JSON
 * @throws when there is no answer; reasonOf (cause.ts) makes the error readable
 */
export async function request(
  url: string,
  credentials?: Credentials,
  method = "GET",
  body?: object,
): Promise<Response> {
  const headers: Record<string, string> = {};
  if (credentials !== undefined) {
    const { user, password } = credentials;
    headers["authorization"] = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  }
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  return fetch(url, { method, headers, ...content, signal: AbortSignal.timeout(timeoutSeconds * 1000) });
}
