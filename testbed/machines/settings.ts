/** The settings of a stack whose machines are simply there. */

export interface Machine {
  /** Its host name too. */
  readonly name: string;
  readonly address: string;
}

/** What the settings say of machines and of the way to them. */
export interface Layout {
  readonly os: string;
  /** The last two are balancers, the others brokers. */
  readonly machines: readonly Machine[];
  readonly bastion: Machine | undefined;
  readonly user: string;
  readonly virtualAddress: string;
  readonly privateKeyFile: string;
  /** As ssh-keyscan prints them. */
  readonly hostKeys: string;
}

/** @returns the `rabbitmq-ha:*` lines of a stack's file, two spaces in, without an end of line */
export function settings(layout: Layout): string {
  const { os, machines, bastion, user, virtualAddress, privateKeyFile, hostKeys } = layout;
  const listed = (some: readonly Machine[]): string[] =>
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
