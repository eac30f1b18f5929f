/** The scripts that the npm scripts run on hosts, which are no resources. */
import { followScript, forceBootScript } from "../../commands/force-boot.ts";
import { besideScript } from "../../verify/hosts.ts";

const brokers = ["mq1", "mq2", "mq3"].map((name) => ({ name, address: "", url: "" }));

/** @returns by the name of its copy below tests/unit/rendered */
export function operations(): Readonly<Record<string, string>> {
  return {
    "rabbitmq/beside.sh": besideScript("mq2"),
    "rabbitmq/force-boot.sh": forceBootScript("mq2", ["mq3"], {
      brokers,
      amqpUri: "amqp://admin:secret@10.0.0.100:5672",
    }),
    "rabbitmq/follow.sh": followScript(),
  };
}
