/** Clients of the brokers' management APIs. */
import { z } from "zod";
import { reasonOf, timeoutReason } from "./cause.ts";
import { fail, type FailureJudge, RefusalError, needsOperator } from "./finding.ts";
import { type Credentials, request } from "./http.ts";
import type { Broker, System } from "./outputs.ts";
import { adminStepName, brokerServiceName } from "../hosts/resource-names.ts";

/** The management API of one broker. */
export class ManagementApi {
  readonly broker: Broker;
  readonly #credentials: Credentials;

  constructor(broker: Broker, { adminUser: user, adminPassword: password }: System) {
    this.broker = broker;
    this.#credentials = { user, password };
  }

  /**
   * @param accept the HTTP statuses whose body is taken as the answer
   * @throws RefusalError when the broker refuses the user; Error for another status or an unexpected answer
   */
  async get<T>(path: string, shape: z.ZodType<T>, accept: readonly number[] = [200]): Promise<T> {
    const response = await request(this.broker.url + path, this.#credentials);
    if (!accept.includes(response.status)) {
      await response.body?.cancel();
      if (response.status === 401) {
        throw new RefusalError(
          `${this.broker.name} refuses the stack's user or password (HTTP 401)`,
          adminStepName,
        );
      }
      throw new Error(`HTTP ${response.status} for ${path.replace(/\?.*/, "")} on ${this.broker.name}`);
    }
    const answer = shape.safeParse(await response.json());
    if (!answer.success) throw new Error(`unexpected answer for ${path} on ${this.broker.name}`);
    return answer.data;
  }

  async clusterName(): Promise<string> {
    return (await this.get("/api/cluster-name", z.object({ name: z.string() }))).name;
  }

  /**
   * Declares a durable queue of the virtual host `/`, led by this broker.
   * @throws Error for a queue that exists with other arguments, or an answer that is no success
   */
  async declareQueue(name: string, type: "classic" | "quorum"): Promise<void> {
    const response = await request(
      `${this.broker.url}/api/queues/%2F/${encodeURIComponent(name)}`,
      this.#credentials,
      "PUT",
      { durable: true, arguments: { "x-queue-type": type }, node: `rabbit@${this.broker.name}` },
    );
    await response.body?.cancel();
    if (!response.ok) {
      throw new Error(`cannot declare the queue ${name} on ${this.broker.name}: HTTP ${response.status}`);
    }
  }

  /** Deletes a queue of the virtual host `/`, if it exists. */
  async deleteQueue(name: string): Promise<void> {
    const path = `/api/queues/%2F/${encodeURIComponent(name)}`;
    const response = await request(this.broker.url + path, this.#credentials, "DELETE");
    await response.body?.cancel();
  }
}

/** What the checks on the cluster use to ask it. */
export interface ClusterClient {
  readonly system: System;
  readonly apis: readonly ManagementApi[];
  /** The API that answers first, for requests to which every member gives the same answer. */
  readonly firstToAnswer: Promise<ManagementApi>;
  /** The brokers that neither answer nor refuse, such as on a frozen machine; others may wait for them in vain. */
  readonly unresponsive: Promise<readonly string[]>;
}

export function createClusterClient(system: System): ClusterClient {
  const apis = system.brokers.map((broker) => new ManagementApi(broker, system));
  const answers = apis.map(async (api) => {
    await api.clusterName();
    return api;
  });
  const any = Promise.any(answers);
  // Checks that await it report the error. If none does, an unhandled rejection must not end the process.
  any.catch(() => undefined);
  const silent = Promise.allSettled(answers).then((settled) => {
    const isLate = settled.map(
      (each) => each.status === "rejected" && reasonOf(each.reason) === timeoutReason,
    );
    return system.brokers.filter((_, index) => isLate[index]).map(({ name }) => name);
  });
  return { system, apis, firstToAnswer: any, unresponsive: silent };
}

/**
 * @param resourcesToRerun the resources to re-run when the failure is not due to unresponsive brokers
 * @param self the broker that was asked, if it was one broker
 * @returns a failure handling that names the unresponsive brokers where a timeout is due to them
 */
export function attributeTimeouts(
  { unresponsive }: ClusterClient,
  resourcesToRerun: readonly string[],
  self?: string,
): FailureJudge {
  return async (error) => {
    const cause = reasonOf(error);
    if (cause !== timeoutReason) return fail(cause, ...resourcesToRerun);
    const names = await unresponsive;
    if (self !== undefined && names.includes(self)) return fail(cause, ...resourcesToRerun);
    if (names.length > 0) {
      const resources = names.map((name) => brokerServiceName(name));
      return fail(`${cause}, because ${names.join(", ")} does not respond`, ...resources);
    }
    // It answers requests for which it need not ask the others. Which connection is cut is not known yet.
    if (self !== undefined) {
      const found = `${cause}: ${self} waits for a member that does not answer it`;
      return needsOperator(found, "check the network between the brokers");
    }
    return fail(cause, ...resourcesToRerun);
  };
}
