/** The login to one machine; Check has filled in the defaults. */
export interface LoginArgs {
  readonly user: string;
  readonly host: string;
  readonly port: number;
  readonly password?: string;
  readonly privateKey?: string;
  readonly privateKeyPassword?: string;
  readonly agentSocketPath?: string;
  readonly hostKey?: string;
  /** How many failed dials are retried; -1 retries without limit. */
  readonly dialErrorLimit: number;
  /** Timeout in seconds for the TCP connection of one dial; 0 leaves it to the kernel. */
  readonly perDialTimeout: number;
}
