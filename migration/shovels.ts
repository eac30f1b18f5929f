/** The shovels of a migration, and what they need: objects of RabbitMQ's definitions. */
import { createHash, createHmac } from "node:crypto";
import type { DefinitionObject } from "../definitions/exported-definitions.ts";
import { carryUser, lateCarryUser, shovelPrefix } from "../definitions/migration-names.ts";

export interface QueueName {
  readonly vhost: string;
  readonly name: string;
}

/** A name has at most 255 bytes. @returns the name of the queue's shovel, and of the exchange that it publishes to */
export function shovelName({ name }: QueueName): string {
  const full = `${shovelPrefix}${name}`;
  if (Buffer.byteLength(full) <= 255) return full;
  return `${shovelPrefix}${createHash("sha256").update(name).digest("hex")}`;
}

/** The same in each run of the command, without being kept anywhere. @param secret of the old stack */
export function carryPassword(secret: string, user: string): string {
  return createHmac("sha256", secret).update(`migration ${user}`).digest("base64url");
}

/** `impersonator`: messages keep the user that published them (`user_id`). */
export function carryUsers(secret: string): DefinitionObject[] {
  return [carryUser, lateCarryUser].map((name) => ({
    name,
    password_hash: passwordHash(carryPassword(secret, name)),
    hashing_algorithm: "rabbit_password_hashing_sha256",
    tags: "impersonator",
  }));
}

/** As RabbitMQ stores it. The salt follows from the password, so that the next run changes nothing. */
function passwordHash(password: string): string {
  const salt = createHash("sha256").update(`salt ${password}`).digest().subarray(0, 4);
  const hash = createHash("sha256").update(salt).update(password).digest();
  return Buffer.concat([salt, hash]).toString("base64");
}

export function carryPermissions(vhosts: readonly string[]): DefinitionObject[] {
  return vhosts.flatMap((vhost) =>
    [carryUser, lateCarryUser].map((user) => ({ user, vhost, configure: ".*", write: ".*", read: ".*" })),
  );
}

/**
 * A fanout exchange for the queue alone. Through it a message keeps its routing key, which dead-lettering needs, and is
 * not sent to the queues of its header CC again. It goes with its queue, so that a shovel fails instead of losing messages.
 */
export function carryExchange({ vhost, name }: QueueName): {
  readonly exchange: DefinitionObject;
  readonly binding: DefinitionObject;
} {
  const exchange = shovelName({ vhost, name });
  return {
    exchange: {
      vhost,
      name: exchange,
      type: "fanout",
      durable: true,
      auto_delete: true,
      internal: false,
      arguments: {},
    },
    binding: {
      vhost,
      source: exchange,
      destination: name,
      destination_type: "queue",
      routing_key: "",
      arguments: {},
    },
  };
}

export interface ClusterAddress {
  readonly addresses: readonly string[];
  readonly port: number;
}

export interface ShovelArgs {
  readonly source: ClusterAddress;
  /** Undefined: the cluster that has the shovel. */
  readonly target: ClusterAddress | undefined;
  /** The old stack's, of which the passwords are made. */
  readonly secret: string;
  /** Whether it has to wait until the source is fenced. */
  readonly isLate: boolean;
  /** Of a stream: the offset up to which all is carried, -1 for nothing. */
  readonly upTo: number | undefined;
}

/** @returns the shovel of a queue, a parameter of the new cluster */
export function carryShovel(
  { vhost, name }: QueueName,
  { source, target, secret, isLate, upTo }: ShovelArgs,
): DefinitionObject {
  const uris = ({ addresses, port }: ClusterAddress, user: string): string[] =>
    addresses.map(
      (address) =>
        `amqp://${user}:${carryPassword(secret, user)}@${address}:${port}/${encodeURIComponent(vhost)}` +
        "?heartbeat=10&connection_timeout=5000",
    );
  return {
    vhost,
    component: "shovel",
    name: shovelName({ vhost, name }),
    value: {
      "src-protocol": "amqp091",
      "src-uri": uris(source, isLate ? lateCarryUser : carryUser),
      "src-queue": name,
      "src-predeclared": true,
      "src-prefetch-count": 1000,
      ...(upTo === undefined ? {} : { "src-consumer-args": { "x-stream-offset": upTo + 1 } }),
      "src-delete-after": "never",
      "dest-protocol": "amqp091",
      "dest-uri": target === undefined ? `amqp:///${encodeURIComponent(vhost)}` : uris(target, carryUser),
      "dest-exchange": shovelName({ vhost, name }),
      "dest-add-forward-headers": false,
      "ack-mode": "on-confirm",
      // 0: never.
      "reconnect-delay": upTo === undefined ? 1 : 0,
    },
  };
}
