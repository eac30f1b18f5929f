import { dial, type ConnectionArgs } from "./dial.ts";
import { messageOf, quote } from "./go-text.ts";
import { Recorder } from "./recorder.ts";
import { runInSession, RefusedVariableError, type Variable } from "./ssh-session.ts";
import { type Captured, type OperationContext, type ScriptInputs } from "./operation.ts";

export interface RemoteInputs extends ScriptInputs {
  readonly connection: ConnectionArgs;
}

/** Opens a connection, runs `script`, and disconnects. The real provider keeps connections until its process ends. */
export async function runRemote(
  script: string,
  inputs: RemoteInputs,
  previous: Captured,
  context: OperationContext,
): Promise<Captured> {
  const clients = await dial(inputs.connection, {
    signal: context.signal,
    status: (line) => context.log.status(context.urn, line),
  });
  const client = clients[0];
  if (client === undefined) {
    throw new Error("no connection");
  }
  const recorder = new Recorder(inputs.logging, (line) => context.log.status(context.urn, line));
  try {
    const { failure } = await runInSession(client, {
      script,
      stdin: inputs.stdin ?? "",
      variables: variablesOf(inputs, previous, context),
      onStdout: recorder.stdout,
      onStderr: recorder.stderr,
    });
    await recorder.end();
    if (failure !== undefined) {
      throw new Error(`${failure}: running ${quote(script)}:\n${recorder.combined()}`);
    }
    return recorder.captured();
  } catch (error) {
    if (error instanceof RefusedVariableError) {
      await context.log.error(context.urn, refusal(error.variable));
      throw new Error(`could not set environment variable ${quote(error.variable)}: ${messageOf(error)}`);
    }
    throw error;
  } finally {
    clients.forEach((open) => open.end());
  }
}

function variablesOf(inputs: RemoteInputs, previous: Captured, context: OperationContext): Variable[] {
  const variables: Variable[] = Object.entries(inputs.environment ?? {}).map(([name, value]) => ({
    name,
    value,
  }));
  if (inputs.addPreviousOutputInEnv !== false) {
    // Optional: most servers accept neither.
    const offer = (name: string, value: string): void => {
      if (value !== "") {
        variables.push({ name, value, onRefused: () => context.log.warning(context.urn, refusal(name)) });
      }
    };
    offer("PULUMI_COMMAND_STDOUT", previous.stdout);
    offer("PULUMI_COMMAND_STDERR", previous.stderr);
  }
  return variables;
}

/** The real provider's advice has other words; the names in it are the same. */
function refusal(variable: string): string {
  return (
    `Unable to set '${variable}': the SSH server takes only the variables that its AcceptEnv names. ` +
    `In a shell, 'VAR=value command' does without it.`
  );
}
