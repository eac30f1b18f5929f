/** The client's own address, which HAProxy sends to the brokers by the PROXY protocol, switched on or off. */
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import type { Frontend } from "../hosts/protocol-ports.ts";
import { proxyProtocolStepName } from "../hosts/resource-names.ts";
import { Step } from "../remote/step.ts";
import { haproxyUnitValues } from "./haproxy-unit.ts";
import type { RabbitNode } from "./rabbit-node.ts";

export interface ProxyProtocolArgs {
  /** The balancers. */
  readonly hosts: readonly Host[];
  readonly nodes: readonly Pick<RabbitNode, "name" | "host" | "ready">[];
  readonly frontends: readonly Pick<Frontend, "proxy" | "readsProxyHeader">[];
  /** Whether HAProxy sends the header, and the brokers expect it. */
  readonly header: boolean;
  /** HAProxy that is compiled from source. @default the system's package */
  readonly source?: { readonly version: string };
}

/**
 * The brokers change one after the other. Each balancer first holds the broker back from new connections; then the
 * broker changes, and the next step gives it its new line and holds the next one. So no connection meets a broker that
 * expects something else, and sessions stay. What a step prints is new each time, and is what the next one reads: a
 * step that is done again has all later ones done again.
 *
 * @example
 * new ProxyProtocol("proxy-protocol", {
 *   hosts: balancers,
 *   nodes,
 *   frontends: [{ proxy: "rabbitmq_cluster", readsProxyHeader: true }],
 *   header: true,
 * });
 */
export class ProxyProtocol extends pulumi.ComponentResource {
  /** Done once every broker has changed, and is served to. */
  readonly done: readonly pulumi.Resource[];

  constructor(name: string, args: ProxyProtocolArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("rabbitmq-ha:index:ProxyProtocol", name, {}, options);
    const { nodes, header } = args;
    let earlier: readonly Step[] = [];
    const afterEarlier = (): pulumi.CustomResourceOptions => ({
      parent: this,
      dependsOn: earlier.length > 0 ? [...earlier] : nodes.map(({ ready }) => ready),
    });
    const stdin = (): pulumi.Input<string> =>
      pulumi.all(earlier.map(({ stdout }) => stdout)).apply((printed) => `${printed.join("\n")}\n`);
    let settle: string | undefined;
    for (const broker of nodes) {
      earlier = this.#changeLines(name, args, { settle, hold: broker.name }, stdin(), afterEarlier());
      const { host } = broker;
      const step = { host, subcommand: "proxy-protocol", options: { header }, stdin: stdin() };
      earlier = [new Step(proxyProtocolStepName(broker.name), step, afterEarlier())];
      // A resource of its own, since a repair re-runs none that has an undo.
      const undo = { subcommand: "proxy-protocol", options: {} };
      new Step(`${proxyProtocolStepName(broker.name)}-removal`, { host, undo }, afterEarlier());
      settle = broker.name;
    }
    this.done = this.#changeLines(name, args, { settle, hold: undefined }, stdin(), afterEarlier());
    this.registerOutputs({});
  }

  #changeLines(
    name: string,
    { hosts, frontends, header, source }: ProxyProtocolArgs,
    brokers: { readonly settle: string | undefined; readonly hold: string | undefined },
    stdin: pulumi.Input<string>,
    options: pulumi.CustomResourceOptions,
  ): Step[] {
    const proxies = frontends.filter((each) => each.readsProxyHeader === true).map(({ proxy }) => proxy);
    const when = brokers.hold === undefined ? "end" : `before-${brokers.hold}`;
    return hosts.map((host) => {
      const { binary } = haproxyUnitValues(host.os, source?.version);
      return new Step(
        `${name}-${host.name}-${when}`,
        {
          host,
          subcommand: "proxy-lines",
          options: { proxies, header, ...brokers, binary },
          stdin,
        },
        options,
      );
    });
  }
}
