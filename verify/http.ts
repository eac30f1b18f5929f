/** Pages and APIs over HTTP, each answer within a deadline. */
import type { z } from "zod";
import { Refusal } from "./finding.ts";
import type { Broker, System } from "./outputs.ts";

/** Seconds that one answer may take. A broker that is well takes hundredths of one; a laden computer takes longer. */
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

/** One broker's management API. */
export class Api {
  readonly broker: Broker;
  readonly #credentials: Credentials;

  constructor(broker: Broker, { adminUser: user, adminPassword: password }: System) {
    this.broker = broker;
    this.#credentials = { user, password };
  }

  /**
   * @param accept the statuses whose body is the answer
   * @throws Refusal when the administrator is not let in; Error for any other status, or another shape of the answer
   */
  async get<T>(path: string, shape: z.ZodType<T>, accept: readonly number[] = [200]): Promise<T> {
    const response = await request(this.broker.url + path, this.#credentials);
    if (!accept.includes(response.status)) {
      await response.body?.cancel();
      if (response.status === 401) {
        throw new Refusal(
          `${this.broker.name} refuses the administrator's password (HTTP 401)`,
          "cluster-admin",
        );
      }
      throw new Error(`HTTP ${response.status} for ${path.replace(/\?.*/, "")} on ${this.broker.name}`);
    }
    const answer = shape.safeParse(await response.json());
    if (!answer.success) throw new Error(`an answer of another shape for ${path} on ${this.broker.name}`);
    return answer.data;
  }

  async delete(path: string): Promise<void> {
    const response = await request(this.broker.url + path, this.#credentials, "DELETE");
    await response.body?.cancel();
  }
}

/** @returns the API that answers first: for questions that every member answers alike */
export async function anyOf(apis: readonly Api[]): Promise<Api> {
  const answering = apis.map(async (api) => {
    const response = await request(api.broker.url);
    await response.body?.cancel();
    return api;
  });
  return Promise.any(answering);
}
