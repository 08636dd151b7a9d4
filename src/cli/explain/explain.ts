/** Runs a request through the gate, and says what every check of every gate says. */

import { toResponse } from "../../denial.ts";
import { readFacts } from "../../facts.ts";
import { gate, type Passage } from "../../gate.ts";
import type { Message } from "../../mcp/message.ts";
import { readMessage } from "../../mcp/read.ts";
import type { Reason } from "../../reasons.ts";
import { refusalOf } from "../../respond.ts";
import type { Result } from "../../result.ts";
import type { Tenant } from "../../tenant/tenant.ts";
import { newTrail, type Trail } from "../../trail.ts";
import type { Source } from "../sources.ts";
import { evidenceLines } from "./evidence-lines.ts";
import type { End, Explanation, Line } from "./explanation.ts";
import { placeOf } from "./place.ts";
import { policyLines } from "./policy-lines.ts";
import { asRequest, type WrittenRequest } from "./request.ts";
import { type World, worldOf } from "./world.ts";

export interface Means {
  readonly gatewayUrl: string;
  /** Whether keys are fetched where the tenant document only says where they are. */
  readonly fetchesKeys: boolean;
  /** Secrets of the deployment that are there, by name. */
  readonly secrets: Readonly<Record<string, string | undefined>>;
}

export async function explain(
  source: Source,
  request: WrittenRequest,
  { gatewayUrl, fetchesKeys, secrets }: Means,
): Promise<Explanation> {
  const trail = newTrail(Date.now());
  const isKeys = (url: string): boolean => url !== trail.attested?.open?.url;
  const world = worldOf(source, gatewayUrl, (url) => fetchesKeys && isKeys(url), secrets);
  const passed = await gate(asRequest(request), world.env, trail);
  const refused = passed.ok ? null : lineOf(passed.error, trail, world);
  const lines = await linesOf(passed, refused, request, trail);
  return { lines: inOrder(lines), end: await endOf(passed, refused, trail) };
}

/** The line that ended it. */
function lineOf(reason: Reason, trail: Trail, world: World): Line {
  const place = placeOf(reason, trail);
  const note = openQuestion(reason, world);
  return note === null
    ? { ...place, verdict: "refused", reason, note: null }
    : { ...place, verdict: "not asked", reason: null, note };
}

/** What the gate could not find out here; null where it is sure. */
function openQuestion(reason: Reason, { withheld, hasSessionKeys }: World): string | null {
  const isFetched = reason === "keys.unavailable" || reason === "attestation.ref_unreachable";
  if (isFetched && withheld.size > 0)
    return `${[...withheld].join(", ")} would have to be fetched (--fetch-keys fetches keys)`;
  const needsKeys =
    (reason.startsWith("session.") && reason !== "session.missing") || reason === "dpop.nonce";
  return needsKeys && !hasSessionKeys
    ? "needs the deployment's secret: set SESSION_KEYS in the environment"
    : null;
}

async function linesOf(
  passed: Result<Passage, Reason>,
  refused: Line | null,
  request: WrittenRequest,
  trail: Trail,
): Promise<readonly Line[]> {
  const { tenant, endpoint } = trail;
  const isRefusedAt = (stage: number) => refused?.stage === stage;
  const arrived = lineAt(0, "request", "headers");
  if (isRefusedAt(0) && refused !== null) return [refused];
  const found = { ...lineAt(1, "tenant", "document"), note: tenant?.publicUrl ?? null };
  if (isRefusedAt(1) && refused !== null) return [arrived, ...(tenant === null ? [] : [found]), refused];
  const isBare = passed.ok && passed.value.kind !== "call" && passed.value.kind !== "visit";
  if (isBare || tenant === null) return [arrived, found];

  const before = [arrived, found, ...browserLine(trail), ...credentialsLine(tenant)];
  const isEvidence = refused !== null && refused.stage >= 2 && refused.stage <= 7 && refused.stage !== 3;
  if (endpoint?.kind !== "mcp") {
    const proof = evidenceLines(trail, tenant, null, request.headers, isEvidence ? refused : null);
    return [...before, ...proof, ...(refused === null || isEvidence ? [] : [refused]), ADMISSION];
  }
  const message = await messageOf(request, trail);
  const evidence = evidenceLines(
    trail,
    tenant,
    message.ok ? message.value : null,
    request.headers,
    isEvidence ? refused : null,
  );
  const read: Line = message.ok
    ? lineAt(3, "message", "message")
    : { ...lineAt(3, "message", "message"), verdict: "refused", reason: message.error };
  const isBeyondPolicy = refused !== null && (refused.gate === "approval" || refused.check === "redaction");
  return [
    ...before,
    read,
    ...evidence,
    ...(message.ok ? policyLines(trail, tenant, message.value, isBeyondPolicy ? refused : null) : []),
  ];
}

const lineAt = (stage: number, gate: Line["gate"], check: string): Line => ({
  stage,
  gate,
  check,
  verdict: "passed",
  reason: null,
  note: null,
});

/** Where a web page sends the request. */
const browserLine = ({ corsOrigin }: Trail): readonly Line[] =>
  corsOrigin === null ? [] : [{ ...lineAt(1, "tenant", "allowedOrigins"), note: corsOrigin }];

const credentialsLine = ({ origin }: Tenant): readonly Line[] => {
  const names = origin.credentials.map(({ secret }) => secret).join(", ");
  const note = `whether the deployment has the secrets: ${names}`;
  return names === "" ? [] : [{ ...lineAt(1, "tenant", "origin.credentials"), verdict: "not asked", note }];
};

const ADMISSION: Line = {
  ...lineAt(9, "admission", "admission"),
  verdict: "not asked",
  note: "replay, runs, revocations, and how often a mandate was used",
};

/** The message, also where the gate did not come to it. */
async function messageOf(request: WrittenRequest, { tenant }: Trail): Promise<Result<Message, Reason>> {
  const facts = readFacts(asRequest(request));
  if (!facts.ok) return facts;
  const read = await readMessage(facts.value, tenant?.maxBodyBytes ?? 0);
  return read.ok ? { ok: true, value: read.value.message } : { ok: false, error: read.error.reason };
}

async function endOf(passed: Result<Passage, Reason>, refused: Line | null, trail: Trail): Promise<End> {
  if (!passed.ok) {
    if (refused?.verdict === "not asked") return { kind: "unknown", note: refused.note ?? "" };
    const answer = toResponse(refusalOf(trail, passed.error));
    const body = (await answer.json()) as { error?: { data?: { reason?: string } } };
    return {
      kind: "refused",
      reason: passed.error,
      status: answer.status,
      shown: body.error?.data?.reason ?? null,
    };
  }
  if (passed.value.kind !== "call" && passed.value.kind !== "visit") return { kind: "answered" };
  return trail.observed === null ? { kind: "admitted" } : { kind: "observed", reason: trail.observed };
}

/** By stage; within one as it was found. */
const inOrder = (lines: readonly Line[]): readonly Line[] => [...lines].sort((a, b) => a.stage - b.stage);
