/** The settings of a stack on given machines. */

export interface GivenMachine {
  /** Also its host name. */
  readonly name: string;
  readonly address: string;
}

/** The settings about the machines and the logins to them. */
export interface MachineLayout {
  readonly os: string;
  /** The last two are balancers, the others brokers. */
  readonly machines: readonly GivenMachine[];
  readonly bastion: GivenMachine | undefined;
  readonly user: string;
  readonly virtualAddress: string;
  readonly privateKeyFile: string;
  /** As ssh-keyscan prints them. */
  readonly hostKeys: string;
}

/** @returns the `rabbitmq-ha:*` lines of a stack's file, indented by two spaces, without a final line break */
export function renderSettings(layout: MachineLayout): string {
  const { os, machines, bastion, user, virtualAddress, privateKeyFile, hostKeys } = layout;
  const listed = (some: readonly GivenMachine[]): string[] =>
    some.map(({ name, address }) => `    - { name: ${name}, address: ${address} }`);
  return [
    "  rabbitmq-ha:platform: existing",
    `  rabbitmq-ha:os: ${os}`,
    "  rabbitmq-ha:brokers:",
    ...listed(machines.slice(0, -2)),
    "  rabbitmq-ha:balancers:",
    ...listed(machines.slice(-2)),
    `  rabbitmq-ha:virtualAddress: ${virtualAddress}`,
    "  rabbitmq-ha:existing:",
    `    user: ${user}`,
    `    privateKeyFile: ${privateKeyFile}`,
    "    hostKeys: |",
    ...hostKeys
      .trim()
      .split("\n")
      .map((line) => `      ${line}`),
    ...(bastion === undefined ? [] : [`    bastion: { host: ${bastion.address}, user: ${user} }`]),
  ].join("\n");
}
