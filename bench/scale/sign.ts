/** A process that signs what one turn sends. It knows the runs that it has begun, so that a later turn goes on with them. */

import { importSigner, type Run } from "../../src/agent/index.ts";
import { serve } from "../harness/load/child.ts";
import { writeLoad } from "../harness/load/load.ts";
import { type Caller, callerOf, openRun, signCall } from "../harness/load/sign.ts";
import type { BenchAgent, Profile, World } from "../harness/world.ts";
import { makeBody } from "./bodies.ts";

export interface PlannedCall {
  readonly profile: Profile;
  /** Its id. */
  readonly tenant: string;
  /** Which of the world's agents. */
  readonly agent: number;
  /** Calls of one agent to one tenant with the same name here are one run. */
  readonly run: string;
  /** Of the body. */
  readonly bytes: number;
}

export interface SignOrder {
  readonly world: World;
  /** In the order in which one connection sends them. */
  readonly calls: readonly PlannedCall[];
  readonly file: string;
}

const callers = new Map<string, Promise<Caller>>();
const runs = new Map<string, Run>();
const bodies = new Map<number, string>();

async function sign({ world, calls, file }: SignOrder): Promise<void> {
  const issuer = await importSigner(world.issuer.privateJwk);
  const requests: Buffer[] = [];
  for (const { profile, tenant, agent: index, run: name, bytes } of calls) {
    const agent = world.agents[index] as BenchAgent;
    const who = `${world.port} ${tenant} ${index}`;
    const caller = await remembered(callers, who, () => callerOf(world, profile, agent, tenant));
    const key = `${who} ${name}`;
    const run = runs.get(key) ?? namingEarlier(await openRun(issuer, caller, agent));
    runs.set(key, run);
    requests.push(await signCall(caller, run, remembered(bodies, bytes, makeBody)));
  }
  await writeLoad(file, [requests]);
}

/**
 * Each call names the one before as every client does, and beside it any earlier one: what a ledger knows of the latest steps anyway
 * would not show what it costs to find one among many.
 */
function namingEarlier(run: Run): Run {
  const steps: string[] = [];
  return {
    mandate: run.mandate,
    pred(joins) {
      const earlier = steps[Math.floor(Math.random() * steps.length)];
      return [...new Set([...run.pred(joins), ...(earlier === undefined ? [] : [earlier])])];
    },
    answered(step, response) {
      if (step !== null) steps.push(step.jti);
      run.answered(step, response);
    },
    renew: (mandate) => run.renew(mandate),
  };
}

function remembered<Key, Value>(map: Map<Key, Value>, key: Key, make: (key: Key) => Value): Value {
  const known = map.get(key) ?? make(key);
  map.set(key, known);
  return known;
}

serve(sign);
