/** `platform: aws`: EC2 instances across availability zones; the program makes and removes them. */
import * as pulumi from "@pulumi/pulumi";
import type { Host, PackageSources } from "../../hosts/host.ts";
import type { Frontend, MetricsAccess } from "../../hosts/protocol-ports.ts";
import { warnOfEndOfLife } from "../../hosts/systems.ts";
import { makeLoginKeyPair } from "../key-pair.ts";
import { hasOwnBastion, makeBastion } from "./bastion.ts";
import { SecurityGroups } from "./groups.ts";
import { makeHost } from "./host.ts";
import { makeInterface } from "./interface.ts";
import { makeNetwork } from "./network.ts";
import { aws } from "./sdk.ts";
import { surveyAccount, type AccountSurvey, type SurveyArgs } from "./survey.ts";
import { makeTagFactory } from "./tags.ts";
import { makeAddressRoutes } from "./virtual-address.ts";

export interface AwsArgs extends SurveyArgs {
  readonly packages: PackageSources;
  /** TCP ports that the security groups and the machines' firewalls have to let in. */
  readonly frontends: readonly Frontend[];
  readonly statsPort: number;
  /** @default the balancers do not check brokers for alarms */
  readonly agentPort?: number;
  readonly metrics?: MetricsAccess;
  /** The name of the machines' network interface. @default the name in the system's image */
  readonly interface?: string;
  /** The key to log in with. @default one is made for the stack */
  readonly sshPrivateKey?: pulumi.Input<string>;
}

/** Everything in the account: the network, who may use it, the bastion, and the machines. */
class Aws extends pulumi.ComponentResource {
  readonly hosts: readonly Host[];

  constructor(args: AwsArgs, survey: AccountSurvey, provider: aws.Provider) {
    super("rabbitmq-ha:index:Aws", "aws", {}, { providers: [provider] });
    warnOfEndOfLife(args.os);
    const { platform, sshPrivateKey } = args;
    const child = { parent: this };
    const tags = makeTagFactory(pulumi.getStack(), platform.tags);
    const sshKey = makeLoginKeyPair("aws-ssh-key", sshPrivateKey, child);
    const network = makeNetwork(platform, survey, tags, child);
    const groupArgs = { ...args, network, hasOwnBastion: hasOwnBastion(platform), tags };
    const groups = new SecurityGroups(groupArgs, child);
    const shared = { ...args, imageId: survey.imageId, tags, sshKey, network, groups };
    const bastion = makeBastion(shared, child);
    const machines = args.machines.map((machine) => ({
      ...machine,
      networkInterface: makeInterface({ ...shared, machine }, child),
    }));
    const addressRoutes = makeAddressRoutes({ ...shared, machines }, child);
    const balancers: pulumi.Resource[] = [];
    this.hosts = machines.map(({ networkInterface, ...machine }) => {
      // Balancers' machines change one after the other, so that one which is being made anew is seen not to serve.
      const after = machine.role === "balancer" ? balancers.slice(-1) : [];
      const host = makeHost({ ...shared, machine, networkInterface, bastion, addressRoutes, after }, child);
      if (machine.role === "balancer") balancers.push(host.machine);
      return host;
    });
    this.registerOutputs({});
  }
}

/**
 * Checks the account, and makes the machines.
 * @returns the machines as hosts, in their order
 * @throws pulumi.RunError with all faults of the account
 */
export async function makeAwsHosts(args: AwsArgs): Promise<readonly Host[]> {
  const provider = new aws.Provider("aws-provider", { region: args.platform.region });
  const survey = await surveyAccount(args, { provider });
  return new Aws(args, survey, provider).hosts;
}
