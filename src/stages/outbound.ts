/** The headers of what the origin is sent: what the caller may have passed on, and what we say of it. */

import { readSigningKeys } from "../audit/signing-keys.ts";
import { seconds } from "../clock.ts";
import { type Caller, covers } from "../evidence/caller.ts";
import { ATTESTATION_HEADER } from "../evidence-headers.ts";
import type { CallPassage } from "../gate.ts";
import { ASSERTION_HEADER, signAssertion } from "../origin/assertion.ts";
import { readCredentials } from "../origin/credentials.ts";
import { forwardedHeaders } from "../origin/headers.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Trail } from "../trail.ts";

/** Where the evidence does not hold, and is only observed, the origin is shown nothing of the tenant's or ours. */
export async function headersFor(
  call: CallPassage,
  trail: Trail,
  env: Env,
): Promise<Result<Headers, Reason>> {
  const { known, tenant } = call;
  const { ruling } = trail;
  const headers = passedOn(call, trail);
  if (known === null || ruling === null) return ok(headers);
  const credentials = readCredentials(tenant.origin, env);
  if (!credentials.ok) return credentials;
  for (const [header, value] of credentials.value) headers.set(header, value);
  if (!tenant.origin.assertion) return ok(headers);
  const keys = await readSigningKeys(env.SIGNING_KEYS);
  if (keys === null) return fail("signing.unconfigured");
  const assertion = await signAssertion(
    {
      tenant,
      caller: known.caller,
      decision: trail.decision,
      verdict: ruling.verdict,
      method: call.facts.method,
      bodySha256: call.facts.method === "POST" ? trail.bodySha256 : null,
      tool: trail.tool,
      action: trail.action,
      now: seconds(),
    },
    keys.signing,
  );
  headers.set(ASSERTION_HEADER, assertion);
  return ok(headers);
}

/** The header with the attestation goes along where that was verified, so that the origin can verify it again. */
function passedOn({ facts, tenant }: CallPassage, { caller, session, attested }: Trail): Headers {
  const { forwardHeaders, unsafeForwardAuthorization } = tenant.origin;
  const headers = forwardedHeaders(facts.headers, forwardHeaders, isWordOf(caller), session);
  const attestation = facts.headers.get(ATTESTATION_HEADER);
  if (attestation !== undefined && attested !== null && !tenant.attestation.stripHeader)
    headers.set(ATTESTATION_HEADER, attestation);
  const authorization = facts.headers.get("authorization");
  if (authorization !== undefined && unsafeForwardAuthorization) headers.set("authorization", authorization);
  return headers;
}

/**
 * What the origin may take for the caller's word. With a bearer alone there is nothing more to ask of a resumption. A stranger's call is
 * only observed, and goes on as if nobody stood in between.
 */
const isWordOf = (caller: Caller | null) => (name: string) =>
  caller === null || covers(caller, name) || (caller.signature === null && name === "last-event-id");
