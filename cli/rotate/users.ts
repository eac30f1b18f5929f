/** Who of the cluster's users there is, and who is connected as one of them. */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { shortHostName } from "../../hosts/node-name.ts";
import { UserError } from "../../user-error.ts";
import { reasonOf } from "../../verify/cause.ts";
import { createClusterClient, type ManagementApi } from "../../verify/management.ts";
import type { System } from "../../verify/outputs.ts";
import { connectionListSeconds } from "../../verify/statistics-age.ts";

const connection = z.object({
  user: z.string().optional(),
  /** Through a balancer, the balancer's address. */
  peer_host: z.string().optional(),
  /** What the client calls its connection. */
  user_provided_name: z.string().optional(),
});
const node = z.object({ name: z.string(), running: z.boolean() });
const user = z.object({ name: z.string() });

export type Connection = Readonly<z.infer<typeof connection>>;

/** The cluster's note of what the stack has made; each key is a list as JSON. */
const note = z.object({ value: z.array(z.string()).optional() });

export interface ClusterUsers {
  readonly names: readonly string[];
  /** Those that the definitions of the stack have made. */
  readonly made: readonly string[];
  readonly connections: readonly Connection[];
}

/** Waits until the brokers list every connection that is open now. */
export function awaitConnectionList(): Promise<void> {
  process.stdout.write(
    `Asking the brokers who is connected: ${connectionListSeconds} s, until they list every connection.\n`,
  );
  return pause(connectionListSeconds * 1000);
}

/**
 * @param awaitList waits until the brokers list what is connected now
 * @returns the users and all connections
 * @throws UserError unless every broker of the stack is part of the answer
 */
export async function askUsers(system: System, awaitList?: () => Promise<void>): Promise<ClusterUsers> {
  try {
    const api = await createClusterClient(system).firstToAnswer;
    return await askWhole(
      api,
      system.brokers.map(({ name }) => name),
      awaitList,
    );
  } catch (error) {
    if (error instanceof UserError) throw error;
    const reason = error instanceof AggregateError ? reasonOf(error.errors[0]) : reasonOf(error);
    throw new UserError(`nothing was changed: the brokers do not say who is connected: ${reason}`);
  }
}

/** @throws UserError if a broker does not run; its connections would be missing */
export async function askWhole(
  api: Pick<ManagementApi, "get">,
  brokers: readonly string[],
  awaitList?: () => Promise<void>,
): Promise<ClusterUsers> {
  await awaitList?.();
  const users = await api.get("/api/users?columns=name", z.array(user));
  const connections = await api.get(
    "/api/connections?columns=user,peer_host,user_provided_name",
    z.array(connection),
  );
  const noted = await api.get("/api/global-parameters/rabbitmq_ha_definitions", note, [200, 404]);
  // Asked last, so that a broker that has gone meanwhile is noticed.
  const nodes = await api.get("/api/nodes?columns=name,running", z.array(node));
  const running = nodes.filter((each) => each.running).map(({ name }) => shortHostName(name));
  const silent = brokers.filter((name) => !running.includes(name));
  if (silent.length > 0)
    throw new UserError(
      `nothing was changed: ${silent.join(", ")} does not run, so it is not known who is connected there; start it, and run this again`,
    );
  const names = users.map(({ name }) => name);
  const made = (noted.value ?? []).map((key) => JSON.parse(key) as readonly string[]);
  return {
    names,
    made: made.flatMap(([kind, name = ""]) => (kind === "user" && names.includes(name) ? [name] : [])),
    connections,
  };
}

/** @returns the users that the stack has made, that are still there, and that it no longer has */
export function staying({ made }: ClusterUsers, { definitions }: Pick<System, "definitions">): string[] {
  const wanted = (definitions?.lines ?? []).flatMap((line) =>
    line.startsWith("user ") ? [(JSON.parse(line.slice("user ".length)) as { name: string }).name] : [],
  );
  return made.filter((name) => !wanted.includes(name));
}

/** @returns such as `orders has 3 connections, from 10.0.0.5, 10.0.0.6`; undefined if nobody is connected */
export function connectedAs(
  names: readonly string[],
  connections: readonly Connection[],
): string | undefined {
  const rows = names.flatMap((name) => {
    const own = connections.filter((each) => each.user === name);
    if (own.length === 0) return [];
    const hosts = [...new Set(own.map(labelOf))].slice(0, 5);
    return [`${name} has ${own.length} connection${own.length === 1 ? "" : "s"}, from ${hosts.join(", ")}`];
  });
  return rows.length === 0 ? undefined : rows.join("; ");
}

function labelOf({ peer_host: address = "unknown", user_provided_name: name }: Connection): string {
  return name === undefined ? address : `${address} (${name})`;
}
