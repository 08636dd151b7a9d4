/** What each stage costs from the question to the ledger on, for the call of staged-call.ts; without storage, network and RPC. */

import { attemptOf, factsOf } from "../../src/attempt.ts";
import { signReceipt } from "../../src/audit/receipts/decision-receipt.ts";
import { readSigningKeys } from "../../src/audit/signing-keys.ts";
import { utf8 } from "../../src/encoding.ts";
import { decisionItem, outcomeDraft, placeOf } from "../../src/ledger/drafts.ts";
import { ALONE, Journal } from "../../src/ledger/journal.ts";
import { admit } from "../../src/ledger/judgement.ts";
import { Meta } from "../../src/ledger/meta.ts";
import { runKey } from "../../src/ledger/run-key.ts";
import { signAssertion } from "../../src/origin/assertion.ts";
import { passOn } from "../../src/origin/pass-on.ts";
import { headersFor } from "../../src/stages/outbound.ts";
import { asynchronous, sync, type Work } from "./measure.ts";
import { NOW, stageCall } from "./staged-call.ts";

export const AFTER_STAGES = [
  "attempt cloned, as an RPC does twice",
  "record of the decision, made and chained",
  "headers for the origin",
  "of that, the assertion signed",
  "an answer of 500 bytes, made and read",
  "the same, and passed on",
  "receipt signed",
  "outcome made",
  "record of the outcome, made and chained",
] as const;

/** Of a journal that is empty, and is never written. */
const NO_ROWS = { exec: () => ({ toArray: () => [] }) } as unknown as SqlStorage;

export async function afterStagesContest(): Promise<Readonly<Record<(typeof AFTER_STAGES)[number], Work>>> {
  const { tenant, trail, facts, presented, received, context, caller } = await stageCall();
  trail.action = "mcp.search";
  trail.bodySha256 = context.bodySha256;
  if (caller.kind !== "agent" || trail.step === null) throw new Error("the call must be a step of a run");
  const run = runKey(caller.mandate);
  const signingKeys = await makeSigningKeys();
  const env = { SIGNING_KEYS: signingKeys } as Env;
  const keys = await readSigningKeys(signingKeys);
  if (keys === null) throw new Error("the keys must be good");

  const attempt = attemptOf(trail, factsOf(trail, tenant), null);
  const journal = new Journal(NO_ROWS, new Meta(NO_ROWS), crypto.randomUUID());
  const judgement = {
    ...admit({ id: 1, key: run, size: 7, isNew: false, mandateIsNew: false }, true),
    execution: null,
  };
  const record = async () => {
    const [entry] = await journal.place([decisionItem(attempt, judgement)], NOW * 1000);
    if (entry === undefined) throw new Error("the record must be there");
    return entry;
  };
  const place = placeOf(await record());
  trail.ruling = { ...judgement.ruling, place };

  const call = { kind: "call", facts, tenant, received, known: { presented, caller } } as const;
  const { decision } = trail;
  const makeOutcome = () =>
    outcomeDraft({
      decision,
      facts: factsOf(trail, tenant),
      status: 200,
      run,
      reason: null,
      output_hash: attempt.facts.input_hash,
      delivered_hash: null,
      latency_ms: 12,
      execution: null,
    });
  const outcome = makeOutcome();

  return {
    "attempt cloned, as an RPC does twice": sync(() => structuredClone(attempt)),
    "record of the decision, made and chained": asynchronous(record),
    "headers for the origin": asynchronous(() => headersFor(call, trail, env)),
    "of that, the assertion signed": asynchronous(() =>
      signAssertion(
        {
          tenant,
          caller,
          decision,
          verdict: "admitted",
          method: "POST",
          bodySha256: context.bodySha256,
          tool: trail.tool,
          action: trail.action,
          now: NOW,
        },
        keys.signing,
      ),
    ),
    "an answer of 500 bytes, made and read": asynchronous(() => new Response(answer()).arrayBuffer()),
    "the same, and passed on": asynchronous(async () => {
      const given = { status: 200, headers: new Headers(), body: answer(), length: ANSWER.length };
      const passed = await passOn(given, NEVER, () => NEVER);
      await new Response(passed.body).arrayBuffer();
      return passed.end;
    }),
    "receipt signed": asynchronous(() => {
      const facts = factsOf(trail, tenant);
      const issuer = tenant.publicUrl;
      return signReceipt({ issuer, decision, verdict: "admitted", reason: null, facts, place }, keys);
    }),
    "outcome made": sync(makeOutcome),
    "record of the outcome, made and chained": asynchronous(() =>
      journal.place([{ ...ALONE, draft: outcome, closes: 1 }], NOW * 1000),
    ),
  };
}

const ANSWER = utf8(
  `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"${"tide ".repeat(86)}"}]}}`,
);

const NEVER = new AbortController().signal;

/** In one piece, as a short answer of an origin comes. */
const answer = () =>
  new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(ANSWER.slice());
      controller.close();
    },
  });

async function makeSigningKeys(): Promise<string> {
  const pair = (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const jwk = (await crypto.subtle.exportKey("jwk", pair.privateKey)) as JsonWebKey;
  return JSON.stringify({
    keys: [{ kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y, d: jwk.d, kid: "bench" }],
  });
}
