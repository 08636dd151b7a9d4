/** The agent ada of the tenant acme as a workload, with a WIT in place of registered keys. */

import type { BareItem } from "structured-headers";
import { sha256 } from "../../../src/encoding.ts";
import { parseMandate } from "../../../src/evidence/act/parse.ts";
import { verifyMandate } from "../../../src/evidence/act/verify.ts";
import { type AgentCaller, parseCallerEvidence, verifyCaller } from "../../../src/evidence/caller.ts";
import { contentDigest } from "../../../src/evidence/http-signature/content-digest.ts";
import { type Component, component } from "../../../src/evidence/http-signature/fields.ts";
import { makeSignature } from "../../../src/evidence/http-signature/sign.ts";
import type { Facts } from "../../../src/facts.ts";
import type { Reason } from "../../../src/reasons.ts";
import type { Result } from "../../../src/result.ts";
import type { TenantDocument } from "../../../src/tenant/schema/document.ts";
import type { Tenant, WimseProfile } from "../../../src/tenant/tenant.ts";
import { AUDIENCE, BODY, bob, compiled, ect, facts, mandate, NOW, unwrap } from "../../support/acme.ts";
import { noRemoteKeys } from "../../support/agents.ts";
import { type Changes, compact, merge, type Signer, signer } from "../../support/tokens.ts";

export const SUBJECT = "wimse://example.org/ada";
export const TAG = "wimse-workload-to-workload";

/** Who says which workload a key belongs to. */
export const authority = await signer("ES256", "authority-1");
export const otherAuthority = await signer("EdDSA", "authority-1");
export const worker = await signer("ES256", "worker-1");
export const otherWorker = await signer("ES256", "worker-1");

export const agents = (revision: WimseProfile = "wimse-07"): NonNullable<TenantDocument["agents"]> => [
  {
    name: "ada",
    subjects: ["agent:ada"],
    ectIssuers: ["spiffe://example.com/ada"],
    workload: { subjects: [SUBJECT, `${SUBJECT}/second`], revision, lane: 3 },
  },
  { name: "bob", subjects: ["agent:bob"], keys: [{ jwk: bob.jwk }] },
];

export const trustDomains = [
  { domain: "example.org", keys: [authority.jwk] },
  { domain: "other.example", keys: [otherAuthority.jwk] },
];

export const wimseTenant = (
  revision: WimseProfile = "wimse-07",
  changes: Partial<TenantDocument> = {},
): Promise<Tenant> => compiled({ agents: agents(revision), trustDomains, ...changes });

export const tenant07 = await wimseTenant("wimse-07");
export const tenant06 = await wimseTenant("wimse-06");

/** A token that is accepted until a test changes something. */
export const wit = (claims: Changes = {}, by: Signer = authority, header: Changes = {}): Promise<string> =>
  compact(
    merge({ typ: "wit+jwt", alg: by.alg, kid: by.kid }, header),
    merge(
      { sub: SUBJECT, exp: NOW + 600, iat: NOW - 5, cnf: { jwk: { ...worker.jwk, alg: worker.alg } } },
      claims,
    ),
    by.sign,
  );

export interface Attempt {
  readonly by?: Tenant;
  /** null for none. */
  readonly wit?: string | null;
  readonly ect?: string | null;
  readonly signedBy?: Signer;
  readonly label?: string;
  /** Beside, or in place of, what is sent otherwise; undefined for none. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** In place of what the profile wants. */
  readonly components?: readonly (string | Component)[];
  readonly parameters?: Readonly<Record<string, BareItem | undefined>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly received?: Uint8Array<ArrayBuffer>;
  /** What changes on the way, after signing. */
  readonly tamper?: (headers: Map<string, string>) => void;
  readonly now?: number;
}

const DERIVED = { "wimse-07": ["@method", "@path", "@query"], "wimse-06": ["@method", "@request-target"] };

const profileOf = (by: Tenant): WimseProfile =>
  by.agents.bySubject.get("agent:ada")?.workload?.profile ?? "wimse-07";

export async function signedRequest(attempt: Attempt = {}): Promise<Facts> {
  const { by = tenant07, signedBy = worker, body = BODY, label = "sig" } = attempt;
  const token = attempt.wit === undefined ? await wit() : attempt.wit;
  const step = attempt.ect === undefined ? await ect({}, worker) : attempt.ect;
  const all: Record<string, string | undefined> = {
    authorization: `Bearer ${await mandate()}`,
    "content-type": "application/json",
    ...(body.length > 0 && { "content-digest": await contentDigest(body) }),
    ...(token !== null && { "workload-identity-token": token }),
    ...(step !== null && { "wimse-ect": step }),
    ...attempt.headers,
  };
  const headers = new Map(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const components = attempt.components ?? [...DERIVED[profileOf(by)], ...headers.keys()];
  const parameters: Record<string, BareItem | undefined> = {
    created: NOW,
    expires: NOW + 60,
    nonce: "n-1",
    tag: TAG,
    "wimse-aud": AUDIENCE,
    ...attempt.parameters,
  };
  const signed = await makeSignature(
    { kind: "request", method: "POST", targetUri: AUDIENCE, headers },
    {
      components: components.map((one) => (typeof one === "string" ? component(one) : one)),
      parameters: new Map(
        Object.entries(parameters).filter((entry): entry is [string, BareItem] => entry[1] !== undefined),
      ),
      label,
      sign: signedBy.sign,
    },
  );
  headers.set("signature-input", signed.signatureInput);
  headers.set("signature", signed.signature);
  attempt.tamper?.(headers);
  return facts(Object.fromEntries(headers));
}

/** Signs, sends and judges as the gate does. */
export async function call(attempt: Attempt = {}): Promise<Result<AgentCaller, Reason>> {
  return judge(await signedRequest(attempt), attempt);
}

export async function judge(
  received: Facts,
  { by = tenant07, body = BODY, received: bytes = body, now = NOW }: Attempt = {},
): Promise<Result<AgentCaller, Reason>> {
  const bearer = parseMandate(new Map([["act-mandate", await mandate()]]));
  if (bearer.state !== "present") throw new Error("the mandate is good");
  const verified = unwrap(await verifyMandate(bearer.value, by, noRemoteKeys, NOW));
  return verifyCaller(verified, parseCallerEvidence(received), {
    tenant: by,
    facts: received,
    target: by.publicUrl,
    body: bytes,
    bodySha256: await sha256(bytes),
    keys: noRemoteKeys,
    now,
  });
}
