/** How topics say what a case is. */

import type { TenantDocument } from "../../../src/tenant/schema/document.ts";
import { answerTo } from "../answers.ts";
import type { Answer, Case, Expectation, Fault, OriginAnswer, Step } from "../format.ts";
import { TENANTS, type TenantName } from "../tenants.ts";
import { type Call, makeCall, readBody, type Target } from "./call.ts";
import { mergePatch } from "./merge-patch.ts";
import { headerOf, type Message, rawRequest } from "./message.ts";

/** When everything happens that is not about time: 2026-02-26T00:00:00Z. */
export const NOW = 1_772_064_000;

export const GATEWAY = "https://gateway.example";

export interface Topic {
  /** Of the file; every id begins with it. */
  readonly name: string;
  readonly title: string;
  readonly cases: readonly CaseSource[];
}

/** A call, or a function that makes the request. */
export type Sent = Call | ((target: Target) => Promise<Message> | Message);

export interface StepSource {
  readonly send: Sent;
  readonly expect: "admitted" | "answered" | { readonly denied: string } | { readonly observed: string };
  /** What of the answer or of what the origin receives shows the point, beside what follows from the verdict. */
  readonly more: Partial<Pick<Expectation, "status" | "error" | "body" | "headers" | "forwarded">>;
  /** Seconds from NOW. */
  readonly at?: number;
  readonly origin?: OriginAnswer;
  /** By URL. Keys are cached by URL, so one belongs to one case: put the case's id into it. */
  readonly remote?: Readonly<Record<string, Answer>>;
}

export interface CaseSource extends StepSource {
  readonly id: string;
  readonly title: string;
  readonly rule: string;
  readonly tenant?: TenantName;
  /** Changes a copy of the base document. */
  readonly change?: (document: Draft) => void;
  readonly environment?: readonly Fault[];
  readonly before?: readonly StepSource[];
}

/** A document that can be changed. */
export type Draft = Mutable<TenantDocument>;
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

export type CaseOptions = Pick<
  CaseSource,
  "tenant" | "change" | "environment" | "before" | "at" | "origin" | "remote"
> & {
  readonly expect?: StepSource["more"];
};
export type StepOptions = Pick<CaseOptions, "at" | "origin" | "remote" | "expect">;

/** A case that is admitted: the origin receives the very body. */
export const admitted = (id: string, title: string, rule: string, send: Sent, options: CaseOptions = {}) =>
  source(id, title, rule, send, "admitted", options);

/** A case that is answered by the verifier itself, without evidence: preflight, metadata. */
export const answered = (
  id: string,
  status: number,
  title: string,
  rule: string,
  send: Sent,
  options: CaseOptions = {},
) => source(id, title, rule, send, "answered", { ...options, expect: { status, ...options.expect } });

/** A case that is denied for this reason. */
export const denied = (
  id: string,
  reason: string,
  title: string,
  rule: string,
  send: Sent,
  options: CaseOptions = {},
) => source(id, title, rule, send, { denied: reason }, options);

/** A case that would be denied for this reason, and is passed on, since the tenant only observes it. */
export const observed = (
  id: string,
  reason: string,
  title: string,
  rule: string,
  send: Sent,
  options: CaseOptions = {},
) => source(id, title, rule, send, { observed: reason }, options);

function source(
  id: string,
  title: string,
  rule: string,
  send: Sent,
  expect: StepSource["expect"],
  { expect: more = {}, ...options }: CaseOptions,
): CaseSource {
  return { id, title, rule, send, expect, more, ...options };
}

/** Requests that come before: one that is admitted, or one that is denied. */
export const sent = (send: Sent = {}, options: StepOptions = {}): StepSource =>
  step(send, "admitted", options);

export const refused = (reason: string, send: Sent, options: StepOptions = {}): StepSource =>
  step(send, { denied: reason }, options);

const step = (
  send: Sent,
  expect: StepSource["expect"],
  { expect: more = {}, ...options }: StepOptions,
): StepSource => ({ send, expect, more, ...options });

/** The very request of an earlier step (the first one is 1) once more. */
export const again =
  (n = 1) =>
  ({ earlier }: Target): Message => {
    const message = earlier[n - 1];
    if (message === undefined) throw new Error(`there is no step ${n}`);
    return message;
  };

/** Writes a case as the vectors have it. */
export async function makeCase(topic: string, source: CaseSource): Promise<Case> {
  const id = `${topic}-${source.id}`;
  if (!/^[a-z0-9-]{1,63}$/.test(id)) throw new Error(`${id} can be no tenant's id`);
  const { title, rule, tenant = "standard", change, environment } = source;
  const base: TenantDocument = TENANTS[tenant];
  const document = structuredClone(base) as Draft;
  change?.(document);
  const patch = mergePatch(base, document);
  const url = document.publicUrl ?? `${GATEWAY}/${id}/mcp`;

  const earlier: Message[] = [];
  const steps: Step[] = [];
  const sources = [...(source.before ?? []), source];
  const begun = NOW + (sources[0]?.at ?? 0);
  for (const [i, one] of sources.entries()) {
    const clock = NOW + (one.at ?? 0);
    const target = { id, url, now: clock, begun, step: i + 1, earlier: [...earlier] };
    const message = await (typeof one.send === "function" ? one.send(target) : makeCall(target, one.send));
    earlier.push(message);
    steps.push({
      clock,
      request: rawRequest(message),
      ...(one.origin !== undefined && { origin: one.origin }),
      ...(one.remote !== undefined && { remote: one.remote }),
      expect: expectation(one, message),
    });
  }
  const last = steps.pop();
  if (last === undefined) throw new Error("a case has one request at least");
  return {
    id,
    title,
    rule,
    tenant,
    ...(patch !== undefined && { change: patch as Record<string, unknown> }),
    ...(environment !== undefined && { environment }),
    ...(steps.length > 0 && { before: steps }),
    ...last,
  };
}

function expectation({ expect, more }: StepSource, message: Message): Expectation {
  if (expect === "admitted") {
    const hasEct = message.headers.some(([name]) => /^(wimse-ect|execution-context)$/i.test(name));
    const recorded = hasEct && { headers: { "countersign-ect": "recorded", ...more.headers } };
    return { verdict: "admitted", status: 200, ...more, ...recorded };
  }
  if (expect === "answered") return { verdict: "answered", status: 204, ...more };
  if ("observed" in expect) return { verdict: "observed", reason: expect.observed, status: 200, ...more };
  const { id, method, params } = readBody(message.body);
  const version = params?._meta?.["io.modelcontextprotocol/protocolVersion"];
  const answer = answerTo(expect.denied, {
    id,
    method: typeof method === "string" ? method : claimedMethod(message),
    isModern: typeof version === "string" && version >= "2026-07-28",
  });
  return { verdict: "denied", reason: expect.denied, ...answer, ...more };
}

/** What the Mcp-Method header claims where no body says it. */
const claimedMethod = (message: Message): string | null =>
  message.headers.some(([name]) => name.toLowerCase() === "mcp-method")
    ? headerOf(message, "mcp-method")
    : null;
