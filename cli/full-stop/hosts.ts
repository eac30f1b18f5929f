/** What a broker's host says before a full stop, and the program's part in it there (agent/steps/full_stop.py). */
import { z } from "zod";
import { parseJson } from "../../json.ts";
import { runOn } from "../../remote/ssh.ts";
import { shellWord } from "../../templates/render.ts";
import { buildProgramCommand } from "../../verify/checks/hosts.ts";
import type { Login } from "../../verify/outputs.ts";
import { askEach } from "../from-hosts.ts";

const answer = z.object({
  /** Whether its broker speaks TLS with the others from its next start on. */
  byTls: z.boolean(),
  /** Whether it does so now; null if it does not run, or nobody knows. */
  speaksTls: z.boolean().nullable(),
  /** Whether a full stop is under way, in which the broker does not start. */
  isMarked: z.boolean(),
  runs: z.boolean(),
  /** Why its broker is not one of a whole cluster. */
  apart: z.string().nullable(),
  /** Why its broker must not be stopped now. */
  obstacle: z.string().nullable(),
  /** Why its broker could not speak TLS with the others. */
  distrust: z.string().nullable(),
  /** The digest of the authorities that it trusts. */
  authorities: z.string(),
});

export type HostAnswer = Readonly<z.infer<typeof answer>>;
export type BrokerState = HostAnswer & { readonly name: string };

/** What all brokers are to have. */
export interface Change {
  readonly byTls: boolean;
  /** The terms of advanced.config by which the next `up` has a broker connect with the others. */
  readonly distribution: string;
}

/** The whole of a cluster. */
export interface Cluster {
  /** One for each broker, in the brokers' order. */
  readonly logins: readonly Login[];
  /** TCP port of AMQP. */
  readonly port: string;
}

export type Action = "look" | "stop" | "change" | "start";

/** Does one of these on a host. @returns what the program prints @throws SshError */
export type Act = (action: Action, login: Login, cluster: Cluster, change: Change) => Promise<string>;

/** Limits for log-in and program together. The program may wait for a run of its own that a killed command has left. */
const timeoutSeconds: Readonly<Record<Action, number>> = { look: 100, stop: 720, change: 400, start: 720 };

export const actOnHost: Act = (action, login, cluster, change) =>
  runOn(login, {
    command: commandOf(action, login, cluster, change),
    timeoutSeconds: timeoutSeconds[action],
  });

/** @returns the command line on the host */
export function commandOf(
  action: Action,
  login: Pick<Login, "name" | "user" | "stackId">,
  { logins, port }: Cluster,
  { byTls, distribution }: Change,
): string {
  const program = buildProgramCommand(login);
  const brokers = logins.map(({ name }) => name).join(",");
  const { stackId, name } = login;
  const wanted = ["--distribution", distribution, ...(byTls ? ["--tls"] : [])];
  const flags: Readonly<Record<Action, readonly string[]>> = {
    // The program of an earlier release knows no --distribution, and is to refuse before anything stops.
    look: ["--look", "--brokers", brokers, ...wanted],
    stop: ["--stop"],
    change: ["--change", ...wanted],
    start: ["--release"],
  };
  const words = [...flags[action], ...(stackId === undefined ? [] : ["--stack-id", stackId, "--host", name])];
  const own = [program, "full-stop", ...words.map(shellWord)].join(" ");
  if (action !== "start") return own;
  return `${own} && ${program} ${["start", "--brokers", brokers, "--port", port].map(shellWord).join(" ")}`;
}

/** @throws UserError, beginning with `otherwise`, unless every broker's host gives a whole answer */
export function lookAtAll(
  act: Act,
  cluster: Cluster,
  change: Change,
  otherwise: string,
): Promise<BrokerState[]> {
  const look = async (login: Login): Promise<BrokerState> => {
    const text = await act("look", login, cluster, change);
    return { name: login.name, ...answer.parse(parseJson(text)) };
  };
  return askEach(cluster.logins, look, otherwise);
}
