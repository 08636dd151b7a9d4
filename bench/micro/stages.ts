/** What each stage of the gate costs, for a tool call with mandate, ECT and signature whose mandate has been seen before. */

import { attemptOf, factsOf } from "../../src/attempt.ts";
import { parseCallerEvidence } from "../../src/evidence/caller.ts";
import { verifyEct } from "../../src/evidence/ect/verify.ts";
import { readFacts } from "../../src/facts.ts";
import { readMessage } from "../../src/mcp/read.ts";
import { permit } from "../../src/stages/permit.ts";
import { withBody } from "../../src/stages/prove-caller.ts";
import { asynchronous, sync, type Work } from "./measure.ts";
import { must, NOW, stageCall } from "./staged-call.ts";

export const STAGES = [
  "a request, made",
  "the same, and its facts",
  "the same, and its message",
  "bearer",
  "digest of the body",
  "evidence",
  "of that, the ECT",
  "bind",
  "policy",
  "attempt",
] as const;

export async function stagesContest(): Promise<Readonly<Record<(typeof STAGES)[number], Work>>> {
  const { tenant, make, trail, facts, head, readBearer, received, prove, caller, bind, grants } =
    await stageCall();
  const { signature } = caller;
  if (signature === null) throw new Error("the call must be signed");
  const { key } = signature;

  return {
    "a request, made": sync(make),
    "the same, and its facts": sync(() => readFacts(make())),
    "the same, and its message": asynchronous(async () =>
      readMessage(readFactsOf(make()), tenant.maxBodyBytes),
    ),
    bearer: asynchronous(readBearer),
    "digest of the body": asynchronous(() => withBody(trail, head, received.body)),
    evidence: asynchronous(prove),
    "of that, the ECT": asynchronous(async () => {
      const { ect } = parseCallerEvidence(facts);
      if (ect.state !== "present") throw new Error("the call must have an ECT");
      const findKey = async () => ({ ok: true, value: key }) as const;
      return must(await verifyEct(ect.value, { tenant, findKey, signature, now: NOW }));
    }),
    bind: sync(() => forget(trail, bind)),
    policy: sync(() => forget(trail, () => must(permit(trail, received.message, grants, tenant, NOW)))),
    attempt: sync(() => attemptOf(trail, factsOf(trail, tenant), null)),
  };
}

/** What a check notes is not kept, or the notes would grow from time to time. */
function forget<T>(trail: { readonly checks: string[] }, work: () => T): T {
  trail.checks.length = 0;
  return work();
}

const readFactsOf = (request: Request) => must(readFacts(request));
