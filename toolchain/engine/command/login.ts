/** How to log in to one machine, defaults already filled in by Check. */
export interface LoginArgs {
  readonly user: string;
  readonly host: string;
  readonly port: number;
  readonly password?: string;
  readonly privateKey?: string;
  readonly privateKeyPassword?: string;
  readonly agentSocketPath?: string;
  readonly hostKey?: string;
  /** Failed dials that are forgiven; -1 forgives all. */
  readonly dialErrorLimit: number;
  /** Seconds to wait for the TCP connection of one dial; 0 waits as long as the kernel does. */
  readonly perDialTimeout: number;
}
