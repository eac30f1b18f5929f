/** The queues as the management API lists them all. */
import { z } from "zod";

/**
 * A row of /api/queues without statistics, which are seconds old. `policy` and `slave_nodes` come from the cluster's own
 * tables. Up to RabbitMQ 3.13 a classic queue has no `type` there, and no `slave_nodes` if its policy asks for no mirrors.
 */
export const queueOverview = z.object({
  name: z.string(),
  vhost: z.string(),
  // What is of another form than in any version so far is as good as absent.
  type: z.string().optional().catch(undefined),
  exclusive: z.boolean().optional().catch(undefined),
  state: z.string().optional().catch(undefined),
  policy: z.string().nullish().catch(undefined),
  arguments: z.unknown().optional(),
  slave_nodes: z.array(z.string()).optional().catch(undefined),
  members: z.array(z.string()).optional().catch(undefined),
});
export type QueueOverview = Readonly<z.infer<typeof queueOverview>>;
export const queuesPath =
  "/api/queues?disable_stats=true&columns=name,vhost,type,exclusive,state,policy,arguments,slave_nodes,members";
