/** The processes beside the one that leads, so that none of their work is in what is measured. */

import { join } from "node:path";
import { HOST } from "../../src/cli/local/port.ts";
import { type Child, startChild } from "./load/child.ts";
import type { Driven, DriveOrder } from "./load/drive.ts";
import type { SignOrder } from "./load/sign.ts";

export interface Processes<Order> {
  readonly originUrl: string;
  readonly signer: Child<Order, void>;
  readonly driver: Child<DriveOrder, Driven>;
}

const moduleIn = (name: string): string => join(import.meta.dirname, name);

/** The signer whose load is the same for each connection. */
export const startProcesses = (
  running: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Processes<SignOrder>> => startProcessesWith(moduleIn("load/sign.ts"), running, signal);

/**
 * @param signer the path of its module
 * @param running ends them
 * @param signal nothing is waited for any more when it is aborted
 */
export async function startProcessesWith<Order>(
  signer: string,
  running: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Processes<Order>> {
  const start = <Order, Answer>(module: string) => {
    const child = startChild<Order, Answer>(module, signal);
    running.defer(() => child.end());
    return child;
  };
  const origin = start<null, number>(moduleIn("origin.ts"));
  return {
    signer: start<Order, void>(signer),
    driver: start<DriveOrder, Driven>(moduleIn("load/drive.ts")),
    originUrl: `http://${HOST}:${await origin.ask(null)}/mcp`,
  };
}
