/**
 * What a user would assemble instead of Countersign: Hono on Node, and a library for each kind of evidence. It verifies a mandate, an ECT
 * and a signature, admits an ECT once, writes down what it decided and what came of it, and passes the call on. It takes no
 * attestations, knows no runs, budgets and revocations, and is not hardened.
 */

import { mkdir } from "node:fs/promises";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { listen } from "../../../src/cli/local/port.ts";
import { serve } from "../../harness/load/child.ts";
import { audienceOf, type World } from "../../harness/world.ts";
import { makeVerify } from "./evidence.ts";
import { Store } from "./store.ts";

export interface ServerOrder {
  readonly world: World;
  /** For its state. */
  readonly directory: string;
}

/** @returns its port */
async function start({ world, directory }: ServerOrder): Promise<number> {
  await mkdir(directory, { recursive: true });
  const verify = await makeVerify(world);
  const store = new Store(directory);
  process.once("exit", () => store.close());

  const app = new Hono();
  app.post(new URL(audienceOf(world, "full")).pathname, async (c) => {
    const started = performance.now();
    const body = new Uint8Array(await c.req.arrayBuffer());
    const call = await verify(c.req.raw, body).catch((cause) => {
      throw new HTTPException(401, { message: "the evidence does not hold", cause });
    });
    const decision = store.admit(call);
    if (decision === null) throw new HTTPException(401, { message: "the ECT has been used" });
    const answer = await fetch(world.originUrl, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: c.req.header("accept") ?? "*/*",
        // So that the body that is passed on is as its headers say.
        "accept-encoding": "identity",
      },
      body,
    });
    store.conclude(decision, answer.status, performance.now() - started);
    return answer;
  });

  const port = await listen(createAdaptorServer({ fetch: app.fetch }), 0);
  if (!port.ok) throw new Error(port.error);
  return port.value;
}

serve(start);
