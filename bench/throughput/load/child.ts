/** Processes beside the one that leads: each is asked one thing at a time, and ends with the one that asks. */

import { fork } from "node:child_process";
import { once } from "node:events";

export interface Child<Order, Answer> {
  readonly pid: number;
  ask(order: Order): Promise<Answer>;
  end(): Promise<void>;
}

type Reply<Answer> = { readonly answer: Answer } | { readonly problem: string };

/** @param module the path of one that calls `serve` */
export function startChild<Order, Answer>(module: string): Child<Order, Answer> {
  const child = fork(module, { serialization: "advanced" });
  const ended = once(child, "exit");
  return {
    pid: child.pid ?? 0,
    async ask(order) {
      child.send(order as object);
      const [reply] = (await Promise.race([once(child, "message"), ended])) as [Reply<Answer> | number];
      if (typeof reply !== "object" || reply === null) throw new Error(`${module} has ended`);
      if ("problem" in reply) throw new Error(reply.problem);
      return reply.answer;
    },
    async end() {
      child.disconnect();
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
