import type { EngineLog } from "./log.ts";

/** The context of one create, update or delete. */
export interface OperationContext {
  readonly urn: string;
  readonly log: EngineLog;
  /** Aborted by Cancel, when the engine ends, or at the resource's custom timeout. */
  readonly signal: AbortSignal;
}

/** The error of the real provider's Go context after a cancel or a timeout. */
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
