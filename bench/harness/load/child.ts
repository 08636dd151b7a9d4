/** Processes beside the one that leads: each is asked one thing at a time, and ends with the one that asks. */

import { fork } from "node:child_process";
import { once } from "node:events";

export interface Child<Order, Answer> {
  readonly pid: number;
  /** @throws what went wrong there, also that the process has ended */
  ask(order: Order): Promise<Answer>;
  /** Safe to repeat, and for a process that has ended by itself. */
  end(): Promise<void>;
}

type Reply<Answer> = { readonly answer: Answer } | { readonly problem: string };

/**
 * @param module the path of one that calls `serve`
 * @param signal nothing is waited for any more when it is aborted
 */
export function startChild<Order, Answer>(module: string, signal?: AbortSignal): Child<Order, Answer> {
  const child = fork(module, { serialization: "advanced" });
  const ended = once(child, "exit");
  return {
    pid: child.pid ?? 0,
    async ask(order) {
      signal?.throwIfAborted();
      if (!child.connected) throw new Error(`${module} has ended`);
      const answered = once(child, "message", signal && { signal });
      child.send(order as object);
      const [reply] = (await Promise.race([answered, ended])) as [Reply<Answer> | number | null];
      if (typeof reply !== "object" || reply === null) throw new Error(`${module} has ended`);
      if ("problem" in reply) throw new Error(reply.problem);
      return reply.answer;
    },
    async end() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** The child's side: answers each order, until the parent has no more. */
export function serve<Order, Answer>(work: (order: Order) => Promise<Answer>): void {
  process.on("message", (order: Order) => {
    work(order).then(
      (answer) => process.send?.({ answer }),
      (error: unknown) =>
        process.send?.({ problem: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.once("disconnect", () => process.exit(0));
}
