/** The program of this project, run by its own npm scripts on a stack of its own. */
import { LabStack } from "../labs/lab-stack.ts";
import { root } from "../labs/trial-stack.ts";
import { run } from "./command.ts";
import { site, sweep } from "./site.ts";
import { hasLimit, haveChannels, largest, patience, type Lab, type Surroundings, type Tool } from "./tool.ts";

const prefix = "p";
const net = 70;

/** A lab of the program's, whose brokers can be used. */
export interface ProgramLab extends Lab {
  /** @returns the administrator's URI at an address */
  uri(address: string): Promise<string>;
}

export interface Program extends Tool {
  open(size: number): Promise<ProgramLab>;
}

/** @param verified whether it is `npm run up` as a user runs it, which verifies the system at its end */
export function program({ signal }: Surroundings, verified: boolean): Program {
  return {
    name: verified ? "npm run up" : "pulumi up",
    sweep: async () => {
      await sweep(site(prefix, net, largest), `rabbitmq-ha-test-${prefix}`);
    },
    open: async (size) => {
      const stack = new LabStack({ name: prefix, net, size });
      await stack.open();
      const npm = async (script: string, ...args: string[]): Promise<{ seconds: number; stdout: string }> =>
        run(["npm", "run", "-s", script, "--", ...args, "--stack", stack.stack], {
          cwd: root,
          env: stack.env,
          deadline: patience,
          signal,
        });
      await npm("pulumi", "stack", "init", "--no-select");
      return lab(stack, npm, verified);
    },
  };
}

type Npm = (script: string, ...args: string[]) => Promise<{ seconds: number; stdout: string }>;

function lab(stack: LabStack, npm: Npm, verified: boolean): ProgramLab {
  const at = site(prefix, net, stack.brokers.length);
  const up = async (): Promise<{ seconds: number; stdout: string }> =>
    npm("pulumi", "up", "--yes", "--skip-preview");
  const unchanged = ({ seconds, stdout }: { seconds: number; stdout: string }): number => {
    const counts = [...stdout.matchAll(/^ {4}. \d+ .*$/gm)].map(([line]) => line.trim());
    if (counts.length > 0 || !/^ {4}\d+ unchanged/m.test(stdout)) {
      throw new Error(`there was something to change: ${counts.join("; ")}`);
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
    make: async () => (verified ? npm("up") : up()).then(({ seconds }) => seconds),
    remove: async () => {
      // Removing can fail under load, and must not end a benchmark of an hour.
      await stack.close().catch(async () => sweep(at, `rabbitmq-ha-${stack.stack}`));
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
              await hasLimit(at, limit);
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
              await haveChannels(at, channels);
              return seconds;
            },
          },
        ],
  };
}
