import type { EngineLog } from "./log.ts";

/** What surrounds one create, update or delete. */
export interface OperationContext {
  readonly urn: string;
  readonly log: EngineLog;
  /** Aborted by Cancel, by the engine's end, or by the resource's custom timeout. */
  readonly signal: AbortSignal;
}

/** What the Go context of the real provider says when it has ended. */
export function contextError(signal: AbortSignal): Error {
  const timedOut = signal.reason instanceof DOMException && signal.reason.name === "TimeoutError";
  return new Error(timedOut ? "context deadline exceeded" : "context canceled");
}

export interface Captured {
  readonly stdout: string;
  readonly stderr: string;
}

/** Inputs that remote and local commands share. */
export interface ScriptInputs {
  readonly create?: string;
  readonly update?: string;
  readonly delete?: string;
  readonly stdin?: string;
  readonly logging?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly addPreviousOutputInEnv?: boolean;
}
