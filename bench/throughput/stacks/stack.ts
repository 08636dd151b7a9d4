/** What is measured: a server in front of the origin. */

import type { World } from "../world.ts";

export interface Stack {
  /** Of 127.0.0.1; requests go straight to the process that does the work. */
  readonly port: number;
  /** Of that process. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** @param directory an empty one, for its state */
export type StartStack = (world: World, directory: string) => Promise<Stack>;
