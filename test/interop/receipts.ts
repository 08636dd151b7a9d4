/** Execution receipts and decision records that other people published. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { linkToAttestation, linkToCall, sameLink } from "../../src/audit/receipts/link.ts";
import { effectiveDecision, pair } from "../../src/audit/receipts/pair.ts";
import {
  type BackLink,
  type DecisionRecord,
  type ExecutionReceipt,
  parseDecisionRecord,
  parseExecutionReceipt,
} from "../../src/audit/receipts/record.ts";
import { resultForm, type Verified, verifyRecord } from "../../src/audit/receipts/verify.ts";
import type { Result } from "../../src/result.ts";
import { attestationKeyId } from "../../src/tenant/tenant.ts";
import { keyFile, keyIn } from "./keys.ts";
import {
  type Case,
  compared,
  explained,
  namesIn,
  type Outcome,
  readJson,
  readText,
  type VectorSet,
} from "./set.ts";

export const receipts: VectorSet = {
  name: "execution receipts",
  folder: "execution-receipt-v0",
  size: 6,
  policies: {
    "refused has no result":
      "a receipt that says both is refused when it is read; the set refuses it by its signature",
  },
  cases: (folder) =>
    namesIn(folder, "normative").map((name): Case => ({ id: name, run: () => judgeReceipt(folder, name) })),
};

export const pairs: VectorSet = {
  name: "decision pairing",
  folder: "decision-pairing-v0",
  size: 7,
  policies: {},
  cases: (folder) =>
    namesIn(folder, "normative").map((name): Case => ({ id: name, run: () => judgePair(folder, name) })),
};

async function judgeReceipt(folder: string, name: string): Promise<Outcome> {
  const at = join(folder, "normative", name);
  const expected = readJson(at, "expected.json");
  const text = readText(at, "receipt.json");
  const parsed = parseExecutionReceipt(text);
  if (!parsed.ok) {
    const { status, resultCommitment } = JSON.parse(text).outcomeDerived;
    const isBoth = status === "refused" && resultCommitment !== undefined;
    return isBoth && !expected.signature_ok ? explained("refused has no result") : compared(parsed, expected);
  }
  const link = await linkToAttestation(readJson(at, "attestation.json"));
  const { result, backLink } = parsed.value;
  const isResult = result && (await resultForm(result, readJson(at, "runtime_result.json"))) !== null;
  return compared(
    {
      back_link_ok: link !== null && sameLink(link, backLink),
      result_commitment_ok: isResult,
      signature_ok: (await verified(folder, parsed.value)) !== null,
    },
    expected,
  );
}

/** Every statement of the set, made by us; the set leaves out those that a case is not about. */
async function judgePair(folder: string, name: string): Promise<Outcome> {
  const at = join(folder, "normative", name);
  const { note: _, ...expected } = readJson(at, "expected.json");
  const statements = await (existsSync(join(at, "decision_b.json"))
    ? aboutTie(folder, at)
    : existsSync(join(at, "request_envelope.json"))
      ? aboutFallback(folder, at)
      : aboutPair(folder, at));
  const ours = Object.fromEntries(Object.keys(expected).map((key) => [key, statements[key]]));
  return compared(ours, expected);
}

type Statements = Readonly<Record<string, boolean | string>>;

async function aboutPair(folder: string, at: string): Promise<Statements> {
  const link = await linkToAttestation(readJson(at, "attestation.json"));
  const decision = decisionIn(at, "decision.json");
  const decided = await verified(folder, decision);
  const isLinked = ({ backLink }: { backLink: BackLink }) => link !== null && sameLink(backLink, link);
  const said = { decision_back_link_ok: isLinked(decision), decision_signature_ok: decided !== null };
  if (!existsSync(join(at, "receipt.json"))) {
    return { ...said, outcome_required: decision.decision === "allow", receipt_present: false };
  }
  const receipt = receiptIn(at);
  const received = await verified(folder, receipt);
  return {
    ...said,
    receipt_back_link_ok: isLinked(receipt),
    receipt_back_link_ok_against_stored_attestation: isLinked(receipt),
    receipt_signature_ok: received !== null,
    shared_back_link: sameLink(decision.backLink, receipt.backLink),
    records_paired: decided !== null && received !== null && pair(decided, received) === "paired",
  };
}

async function aboutFallback(folder: string, at: string): Promise<Statements> {
  const decision = decisionIn(at, "decision.json");
  const receipt = receiptIn(at);
  const [decided, received] = [await verified(folder, decision), await verified(folder, receipt)];
  const linkOf = (view: string) => linkToCall(readJson(at, `request_envelope${view}.json`));
  const binds = async (view: string) => {
    const link = await linkOf(view);
    return link !== null && sameLink(link, decision.backLink);
  };
  const [provider, gateway] = [await linkOf(""), await linkOf("_gateway_view")];
  return {
    decision_signature_ok: decided !== null,
    receipt_signature_ok: received !== null,
    fallback_binding_ok: await binds(""),
    gateway_view_binding_ok: await binds("_gateway_view"),
    gateway_view_matches_provider_digest: provider?.attestationDigest === gateway?.attestationDigest,
    replayed_binding_ok: await binds("_replayed"),
    tampered_binding_ok: await binds("_tampered_binding"),
    malformed_binding_fails_closed: (await linkOf("_no_binding")) === null,
    record_names_fallback_projection: decision.backLink.fallbackProjection !== null,
    records_paired: decided !== null && received !== null && pair(decided, received) === "paired",
  };
}

async function aboutTie(folder: string, at: string): Promise<Statements> {
  const link = await linkToAttestation(readJson(at, "attestation.json"));
  const decisions = [decisionIn(at, "decision_a.json"), decisionIn(at, "decision_b.json")];
  const decided = (await Promise.all(decisions.map((one) => verified(folder, one)))).filter(
    (one) => one !== null,
  );
  return {
    both_back_links_ok: link !== null && decisions.every(({ backLink }) => sameLink(backLink, link)),
    both_signatures_ok: decided.length === 2,
    supersession: link === null ? "none" : effectiveDecision(link, decided).kind,
  };
}

const decisionIn = (at: string, file: string): DecisionRecord =>
  must(parseDecisionRecord(readText(at, file)));
const receiptIn = (at: string): ExecutionReceipt => must(parseExecutionReceipt(readText(at, "receipt.json")));

function must<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

/** With the set's key for the record's algorithm: the sets use one name for keys of several. Null for a bad signature. */
async function verified<T extends DecisionRecord | ExecutionReceipt>(
  folder: string,
  record: T,
): Promise<Verified<T> | null> {
  const key = await keyIn(join(folder, "keys", keyFile(record.alg)));
  const result = await verifyRecord(
    record,
    new Map([[attestationKeyId(record.iss, record.secretVersion), key]]),
  );
  return result.ok ? result.value : null;
}
