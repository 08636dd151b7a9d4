/** What a user would assemble instead of Countersign, in a process of its own. */

import { join } from "node:path";
import { startChild } from "../load/child.ts";
import type { ServerOrder } from "../node/server.ts";
import type { StartStack } from "./stack.ts";

export const startNode: StartStack = async (world, directory) => {
  const server = startChild<ServerOrder, number>(join(import.meta.dirname, "../node/server.ts"));
  const port = await server.ask({ world, directory });
  return { port, pid: server.pid, stop: () => server.end() };
};
