/** The brokers' management APIs. */
import { z } from "zod";
import { because, late } from "./cause.ts";
import { broken, type Judgement, Refusal, unmendable } from "./finding.ts";
import { type Credentials, request } from "./http.ts";
import type { Broker, System } from "./outputs.ts";
import { adminName, brokerServiceName } from "../hosts/resource-names.ts";

/** One broker's own API. */
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
        throw new Refusal(`${this.broker.name} refuses the stack's user or password (HTTP 401)`, adminName);
      }
      throw new Error(`HTTP ${response.status} for ${path.replace(/\?.*/, "")} on ${this.broker.name}`);
    }
    const answer = shape.safeParse(await response.json());
    if (!answer.success) throw new Error(`an answer of another shape for ${path} on ${this.broker.name}`);
    return answer.data;
  }

  async clusterName(): Promise<string> {
    return (await this.get("/api/cluster-name", z.object({ name: z.string() }))).name;
  }

  /** Deletes a queue of the virtual host `/`; one that is not there is no error. */
  async deleteQueue(name: string): Promise<void> {
    const path = `/api/queues/%2F/${encodeURIComponent(name)}`;
    const response = await request(this.broker.url + path, this.#credentials, "DELETE");
    await response.body?.cancel();
  }
}

/** What the checks on the cluster ask. */
export interface Cluster {
  readonly system: System;
  readonly apis: readonly Api[];
  /** The API that answers first: for questions that every member answers alike. */
  readonly any: Promise<Api>;
  /** The brokers that neither answer nor refuse to, as a frozen machine; others may wait for them in vain. */
  readonly silent: Promise<readonly string[]>;
}

export function clusterOf(system: System): Cluster {
  const apis = system.brokers.map((broker) => new Api(broker, system));
  const answers = apis.map(async (api) => {
    await api.clusterName();
    return api;
  });
  const any = Promise.any(answers);
  // Whoever asks for it says so; that nobody may ask is no reason to end the process.
  any.catch(() => undefined);
  const silent = Promise.allSettled(answers).then((settled) => {
    const isLate = settled.map((each) => each.status === "rejected" && because(each.reason) === late);
    return system.brokers.filter((_, index) => isLate[index]).map(({ name }) => name);
  });
  return { system, apis, any, silent };
}

/**
 * @param rerun what to run again when a failure is not about silent brokers
 * @param self the broker that was asked, where it was one
 * @returns a blame that goes to the brokers that keep silent, where the answer is late because of them
 */
export function blameSilent({ silent }: Cluster, rerun: readonly string[], self?: string): Judgement {
  return async (error) => {
    const cause = because(error);
    if (cause !== late) return broken(cause, ...rerun);
    const names = await silent;
    if (self !== undefined && names.includes(self)) return broken(cause, ...rerun);
    if (names.length > 0) {
      const resources = names.map((name) => brokerServiceName(name));
      return broken(`${cause}, while ${names.join(", ")} keeps silent`, ...resources);
    }
    // It answers what it need not ask the others for. Between which of them the network is cut, nobody says yet.
    if (self !== undefined) {
      const found = `${cause}: ${self} waits for a member that does not answer it`;
      return unmendable(found, "look for a cut in the network between the brokers");
    }
    return broken(cause, ...rerun);
  };
}
