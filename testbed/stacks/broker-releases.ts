/** The releases of RabbitMQ that a lab can have: Debian 12's, Debian 13's, and the one of the local repository. */
import { UserError } from "../../user-error.ts";
import { brokerRepositoryConfig, brokerRepositoryImage, buildBrokerRepository } from "./broker-repository.ts";

export interface BrokerRelease {
  /** The version that its package had when it was last run; what a lab really has is asked of its brokers. */
  readonly version: string;
  /** The `rabbitmq-ha:*` lines of the stack's file. */
  readonly config: string;
  /** The image of the hosts. @default the lab's own for the system */
  readonly image?: string;
  /** Builds what the lab needs, if it is missing. */
  readonly prepare?: () => Promise<void>;
}

export const brokerReleases = [
  { version: "3.10.8", config: "" },
  { version: "4.0.5", config: "  rabbitmq-ha:os: debian-13" },
  {
    version: "4.3.6",
    config: brokerRepositoryConfig,
    image: brokerRepositoryImage,
    prepare: buildBrokerRepository,
  },
] as const satisfies readonly BrokerRelease[];

/** Names the release of labs whose test does not say one. */
const releaseVariable = "RABBITMQ_HA_TEST_RABBITMQ";

/** @returns the release of `RABBITMQ_HA_TEST_RABBITMQ`, else Debian 12's @throws UserError for an unknown one */
export function chosenRelease(env: NodeJS.ProcessEnv = process.env): BrokerRelease {
  return findBrokerRelease(env[releaseVariable] ?? brokerReleases[0].version);
}

/** @param name a version, or its series @throws UserError for any other */
export function findBrokerRelease(name: string): BrokerRelease {
  const found = brokerReleases.find(({ version }) => version === name || version.startsWith(`${name}.`));
  if (found !== undefined) return found;
  const known = brokerReleases.map(({ version }) => version).join(", ");
  throw new UserError(`a lab cannot have RabbitMQ ${name}; choose from ${known}`);
}
