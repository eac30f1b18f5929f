/** Checks that the brokers see a client's own address, and not a balancer's. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { withConnections } from "../amqp.ts";
import { fail, type Finding, pass, runCheck, type Verdict } from "../finding.ts";
import { attributeTimeouts, type ClusterClient } from "../management.ts";
import type { System } from "../outputs.ts";
import { pollUntil } from "../polling.ts";
import { connectionListSeconds } from "../statistics-age.ts";
import { haproxyServiceName, proxyProtocolStepName } from "../../hosts/resource-names.ts";

const timeoutSeconds = 15;

const connections = z.array(
  z.object({
    peer_host: z.string().optional(),
    client_properties: z.object({ connection_name: z.string().optional() }).optional(),
  }),
);

/** @param seen the address from which the broker sees the client's connection; undefined if it does not list it */
export function judgeClientAddress(
  seen: string | undefined,
  { brokers, balancers, virtualAddress }: Pick<System, "brokers" | "balancers" | "virtualAddress">,
): Verdict {
  const resources = [
    ...brokers.map(({ name }) => proxyProtocolStepName(name)),
    ...balancers.map(({ name }) => haproxyServiceName(name)),
  ];
  if (seen === undefined) return fail("the brokers do not list the connection", ...resources);
  const isBalancers = [virtualAddress, ...balancers.map(({ address }) => address)].includes(seen);
  return isBalancers
    ? fail(`the brokers see ${seen}, a balancer, and not the client's own address`, ...resources)
    : pass(`seen as ${seen}`);
}

export async function examineClientAddress(cluster: ClusterClient): Promise<Finding[]> {
  const { system } = cluster;
  if (system.expected?.proxyProtocol !== true) return [];
  const steps = system.brokers.map(({ name }) => proxyProtocolStepName(name));
  const finding = runCheck("client address", "virtual address", attributeTimeouts(cluster, steps), () =>
    withConnections(system.amqpUri, timeoutSeconds, async (open) => {
      const name = `rabbitmq-ha-verify-${randomUUID()}`;
      await open(name);
      const api = await cluster.firstToAnswer;
      const ask = async (): Promise<string | undefined> => {
        const listed = await api.get("/api/connections?columns=peer_host,client_properties", connections);
        return listed.find((each) => each.client_properties?.connection_name === name)?.peer_host;
      };
      const seen = await pollUntil(
        { timeoutSeconds: connectionListSeconds, intervalMs: 500 },
        ask,
        (address) => address !== undefined,
      );
      return judgeClientAddress(seen, system);
    }),
  );
  return [await finding];
}
