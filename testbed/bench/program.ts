/** This project's program, run by its npm scripts on a separate stack. */
import { LabStack } from "../stacks/lab-stack.ts";
import { root } from "../stacks/trial-stack.ts";
import { runCommand } from "./command.ts";
import { siteOf, removeSite } from "./site.ts";
import {
  waitForConnectionLimit,
  checkChannelLimit,
  maxBrokers,
  toolTimeoutSeconds,
  type Lab,
  type ToolContext,
  type Tool,
} from "./tool.ts";

const prefix = "p";
const net = 70;

/** A lab of the program, with the URIs of its brokers. */
export interface ProgramLab extends Lab {
  /** @returns the administrator's AMQP URI for an address */
  uri(address: string): Promise<string>;
}

export interface ProgramTool extends Tool {
  open(size: number): Promise<ProgramLab>;
}

/** @param verified whether to run `npm run up`, which also verifies the system, instead of `pulumi up` */
export function createProgramTool({ signal }: ToolContext, verified: boolean): ProgramTool {
  return {
    name: verified ? "npm run up" : "pulumi up",
    removeLeftovers: async () => {
      await removeSite(siteOf(prefix, net, maxBrokers), `rabbitmq-ha-test-${prefix}`);
    },
    open: async (size) => {
      const stack = new LabStack({ name: prefix, net, size });
      await stack.open();
      const npm = async (script: string, ...args: string[]): Promise<{ seconds: number; stdout: string }> =>
        runCommand(["npm", "run", "-s", script, "--", ...args, "--stack", stack.stack], {
          cwd: root,
          env: stack.env,
          timeoutSeconds: toolTimeoutSeconds,
          signal,
        });
      await npm("pulumi", "stack", "init", "--no-select");
      return createLab(stack, npm, verified);
    },
  };
}

type NpmRunner = (script: string, ...args: string[]) => Promise<{ seconds: number; stdout: string }>;

function createLab(stack: LabStack, npm: NpmRunner, verified: boolean): ProgramLab {
  const at = siteOf(prefix, net, stack.brokers.length);
  const up = async (): Promise<{ seconds: number; stdout: string }> =>
    npm("pulumi", "up", "--yes", "--skip-preview");
  const unchanged = ({ seconds, stdout }: { seconds: number; stdout: string }): number => {
    const counts = [...stdout.matchAll(/^ {4}. \d+ .*$/gm)].map(([line]) => line.trim());
    if (counts.length > 0 || !/^ {4}\d+ unchanged/m.test(stdout)) {
      throw new Error(`the run changed something: ${counts.join("; ")}`);
    }
    return seconds;
  };
  let limit = 2000;
  let channels = 2000;
  const settings = (): string =>
    [
      `  rabbitmq-ha:haproxy: { maxConnections: { proxy: ${limit} } }`,
      ...(channels === 2000 ? [] : [`  rabbitmq-ha:rabbitmq: { settings: { channel_max: ${channels} } }`]),
    ].join("\n");
  return {
    site: at,
    create: async () => (verified ? npm("up") : up()).then(({ seconds }) => seconds),
    remove: async () => {
      // Removal can fail under load, and must not end a benchmark that takes an hour.
      await stack.close().catch(async () => removeSite(at, `rabbitmq-ha-${stack.stack}`));
    },
    uri: async (address) => {
      const uri = new URL(String(await stack.output("amqpUri")));
      uri.hostname = address;
      return uri.href;
    },
    changes: verified
      ? []
      : [
          { part: "nochange", what: "run, nothing to change", run: async () => unchanged(await up()) },
          {
            part: "nochange",
            what: "preview, nothing to change",
            run: async () => unchanged(await npm("pulumi", "preview")),
          },
          {
            part: "setting",
            what: "one HAProxy setting",
            run: async () => {
              limit += 100;
              await stack.configure(settings());
              const { seconds } = await up();
              await waitForConnectionLimit(at, limit);
              return seconds;
            },
          },
          {
            part: "rolling",
            what: "one setting of the brokers'",
            run: async () => {
              channels += 1;
              await stack.configure(settings());
              const { seconds } = await up();
              await checkChannelLimit(at, channels);
              return seconds;
            },
          },
        ],
  };
}
