import type { Client, ClientChannel } from "ssh2";

/** The end of a remote command; `failure` is absent when it exited with 0. */
export interface RemoteExit {
  readonly failure?: string;
}

export interface Variable {
  readonly name: string;
  readonly value: string;
  /** Called when the server refuses the variable; without it a refusal fails the command. */
  readonly onRefused?: () => Promise<void>;
}

export interface RemoteCommand {
  readonly script: string;
  readonly stdin: string;
  readonly variables: readonly Variable[];
  readonly onStdout: (chunk: Buffer) => void;
  readonly onStderr: (chunk: Buffer) => void;
}

/** The server refused a variable that the command requires. */
export class RefusedVariableError extends Error {
  readonly variable: string;

  constructor(variable: string) {
    super("ssh: setenv failed");
    this.variable = variable;
  }
}

/**
 * Runs one command in its own SSH session, without a terminal and in the server's shell.
 *
 * @throws RefusedVariableError before anything has run
 */
export async function runInSession(client: Client, command: RemoteCommand): Promise<RemoteExit> {
  if (command.variables.length > 0) {
    sendVariablesFirst(client, command.variables);
  }
  return new Promise((resolve, reject) => {
    const onLost = (): void => {
      reject(new Error("EOF"));
    };
    client.once("close", onLost);
    client.exec(command.script, (error, channel) => {
      client.removeListener("close", onLost);
      if (error === undefined) {
        attachListeners(channel, command, resolve);
      } else if (error instanceof RefusedVariableError) {
        reject(error);
      } else if (error.message === "Unable to exec") {
        resolve({ failure: `ssh: command ${command.script} failed` });
      } else {
        reject(new Error(error.message.replace(/^\(SSH\) Channel open failure: /, "ssh: rejected: ")));
      }
    });
  });
}

/** Adds the listeners at once, because the end of a short command may arrive together with the channel. */
function attachListeners(
  channel: ClientChannel,
  command: RemoteCommand,
  onEnd: (end: RemoteExit) => void,
): void {
  let failure: string | undefined = "wait: remote command exited without exit status or exit signal";
  channel.on("exit", (code: number | null, signal?: string, _dump?: string, description?: string) => {
    failure = code === 0 ? undefined : exitText(code, signal, description);
  });
  channel.on("close", () => {
    onEnd(failure === undefined ? {} : { failure });
  });
  channel.on("data", command.onStdout);
  channel.stderr.on("data", command.onStderr);
  // A command may end without having read its input.
  channel.on("error", () => undefined);
  channel.end(command.stdin);
}

/** The signals of RFC 4254, section 6.10, for which the Go library has a number. */
const SIGNAL_NUMBERS: Readonly<Record<string, number | undefined>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  ABRT: 6,
  FPE: 8,
  KILL: 9,
  SEGV: 11,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
};

/** The text of golang.org/x/crypto/ssh for an unsuccessful exit. */
function exitText(code: number | null, signal: string | undefined, description: string | undefined): string {
  if (signal === undefined) {
    return `Process exited with status ${String(code)}`;
  }
  const name = signal.replace(/^SIG/, "");
  const reason = description === undefined || description === "" ? "" : `. Reason was: ${description}`;
  return `Process exited with status ${String(128 + (SIGNAL_NUMBERS[name] ?? 0))} from signal ${name}${reason}`;
}

type Reply = (failure: boolean | Error) => void;

/** The internals of ssh2 that are used here: its API does not report that a server refused a variable. */
interface Ssh2Internals {
  readonly _protocol: {
    exec: (channel: number, script: string, wantReply: boolean) => void;
    env: (channel: number, name: string, value: string, wantReply: boolean) => void;
  };
  readonly _chanMgr: {
    readonly _channels: Readonly<
      Record<string, { outgoing?: { id: number }; _callbacks: Reply[] } | undefined>
    >;
  };
}

/**
 * Makes the client's next `exec` first send the variables one by one, waiting for the answer to each,
 * and then the command.
 */
function sendVariablesFirst(client: Client, variables: readonly Variable[]): void {
  const { _protocol: protocol, _chanMgr: channels } = client as unknown as Ssh2Internals;
  const sendExec = protocol.exec.bind(protocol);
  protocol.exec = (id, script, wantReply) => {
    const channel = Object.values(channels._channels).find((candidate) => candidate?.outgoing?.id === id);
    const execReply = channel?._callbacks.pop();
    if (channel === undefined || execReply === undefined) {
      throw new Error("ssh2 has changed inside: no channel to set variables on");
    }
    const offer = async (): Promise<void> => {
      for (const { name, value, onRefused } of variables) {
        const refused = await new Promise<boolean | Error>((resolve) => {
          channel._callbacks.push(resolve);
          protocol.env(id, name, value, true);
        });
        if (refused !== false && onRefused === undefined) {
          execReply(new RefusedVariableError(name));
          return;
        }
        if (refused !== false) {
          await onRefused?.();
        }
      }
      channel._callbacks.push(execReply);
      sendExec(id, script, wantReply);
    };
    void offer();
  };
}
