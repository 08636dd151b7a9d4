/** What is measured: a server in front of the origin. */

export interface Stack {
  /** Of 127.0.0.1; requests go straight to the process that does the work. */
  readonly port: number;
  /** Of that process. */
  readonly pid: number;
  stop(): Promise<void>;
}
