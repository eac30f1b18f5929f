/** Why the ports between brokers stay as they are, wherever they could be set. */
import { distributionPort, streamReplicationPorts } from "../hosts/other-ports.ts";

const { first, last } = streamReplicationPorts;

export const distributionPortIsFixed = `the brokers already reach each other at one port, ${String(distributionPort)}, which the firewalls open; remove it`;
export const streamPortsAreFixed = `replicas of streams already reach each other at the ports ${String(first)} to ${String(last)}, which the firewalls open; remove it`;
