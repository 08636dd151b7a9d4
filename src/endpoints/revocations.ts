/** Revokes, lifts what is revoked, and shows what is. For whoever has the action `countersign.revocations.write` in its mandate. */

import type { Kept } from "../audit/record.ts";
import { withDeadline } from "../deadline.ts";
import type { Directory } from "../directory/directory.ts";
import type { Revocation, Revoking } from "../directory/revocation.ts";
import { fromBase64url, fromUtf8 } from "../encoding.ts";
import { agentPrincipal } from "../evidence/caller.ts";
import { readIdentifier, readTime } from "../evidence/claims.ts";
import { isObject, type JsonObject, type JsonValue, parseStrictJson } from "../json/strict-json.ts";
import type { Revoked } from "../ledger/revoked.ts";
import {
  MAX_JTI_LENGTH,
  MAX_KEPT_LENGTH,
  MAX_REVOCATION_REASON,
  MAX_RUN_ID_LENGTH,
  REVOKE_DEADLINE_MS,
} from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Visit } from "./visit.ts";

/** Reads the body: the members of a kind, and perhaps `reason` and `until`. */
export function readRevocation(body: Uint8Array): Result<Revocation, Reason> {
  const json = parseStrictJson(fromUtf8(body) ?? "", "integer");
  const said = json.ok && isObject(json.value) ? json.value : {};
  const { reason = null, until = null, ...members } = said;
  const revoked = revokedIn(members);
  if (revoked === null || Object.keys(members).length !== Object.keys(revoked).length)
    return fail("revocation.malformed");
  if (reason !== null && !isReason(reason)) return fail("revocation.malformed");
  const end = readTime(until ?? undefined);
  if (until !== null && end === null) return fail("revocation.malformed");
  return ok({ revoked, reason, until: end });
}

/** What is to be revoked; null where a member of its kind is missing or is not what it must be. */
function revokedIn(members: JsonObject): Revoked | null {
  const { kind } = members;
  switch (kind) {
    case "mandate":
    case "token": {
      const [iss, jti] = [readIdentifier(members.iss), readIdentifier(members.jti, MAX_JTI_LENGTH)];
      return iss === null || jti === null ? null : { kind, iss, jti };
    }
    case "agent": {
      const name = readIdentifier(members.name);
      return name === null ? null : { kind, name };
    }
    case "subject": {
      const [iss, sub] = [readIdentifier(members.iss), readIdentifier(members.sub)];
      return iss === null || sub === null ? null : { kind, iss, sub };
    }
    case "key": {
      const { thumbprint } = members;
      return isDigest(thumbprint) ? { kind, thumbprint } : null;
    }
    case "issuer": {
      const iss = readIdentifier(members.iss);
      return iss === null ? null : { kind, iss };
    }
    case "run": {
      const run = readIdentifier(members.run, MAX_RUN_ID_LENGTH);
      return run === null || !fromBase64url(run) ? null : { kind, run };
    }
    case "tenant":
      return { kind };
    case "document": {
      const { version } = members;
      return typeof version === "number" && Number.isSafeInteger(version) && version > 0
        ? { kind, version }
        : null;
    }
    default:
      return null;
  }
}

const isReason = (value: JsonValue): value is string =>
  typeof value === "string" && value.length <= MAX_REVOCATION_REASON;

/** Of 32 bytes. */
const isDigest = (value: JsonValue | undefined): value is string =>
  typeof value === "string" && fromBase64url(value)?.length === 32;

/** What the audit log keeps of it: all that is short; the whole of it is bound by the hash of the body. */
export function keptOfRevocation({ revoked, reason, until }: Revocation): Readonly<Record<string, Kept>> {
  const said = Object.entries<Kept>({ ...revoked, reason, until });
  const kept = said.filter(
    ([, value]) => value !== null && (typeof value !== "string" || value.length <= MAX_KEPT_LENGTH),
  );
  return Object.fromEntries(kept.map(([name, value]) => [`/${name}`, value]));
}

/** Shows all revocations. */
export const showRevocations = (visit: Visit, env: Env): Promise<Result<Response, Reason>> =>
  asking(visit, env, async (directory) => {
    const revocations = (await directory.revocations()).map(shown);
    return ok(Response.json({ tenant: visit.tenant.id, revocations }));
  });

/** Revokes what the body says. 202 where it does not hold everywhere yet. */
export const revoke = (visit: Visit, revocation: Revocation, env: Env): Promise<Result<Response, Reason>> =>
  asking(visit, env, async (directory) => {
    const revoking = await directory.revoke(revocation, agentPrincipal(visit.caller.agent));
    return revoking === null ? fail("revocation.too_many") : ok(standingOf(revoking));
  });

/** Lifts a revocation, likewise. */
export const lift = (visit: Visit, number: number, env: Env): Promise<Result<Response, Reason>> =>
  asking(visit, env, async (directory) => {
    const revoking = await directory.lift(number, agentPrincipal(visit.caller.agent));
    return revoking === null ? fail("endpoint.not_found") : ok(standingOf(revoking));
  });

async function asking(
  { tenant }: Visit,
  env: Env,
  ask: (directory: DurableObjectStub<Directory>) => Promise<Result<Response, Reason>>,
): Promise<Result<Response, Reason>> {
  try {
    return await withDeadline(ask(env.DIRECTORY.getByName(tenant.id)), REVOKE_DEADLINE_MS);
  } catch (error) {
    console.error(JSON.stringify({ event: "revocations.failed", tenant: tenant.id, error: String(error) }));
    return fail("revocation.unavailable");
  }
}

const standingOf = (revoking: Revoking): Response =>
  Response.json(shown(revoking), { status: revoking.effective ? 200 : 202 });

const shown = ({ number, revoked, ...standing }: Revoking): object => ({ number, ...revoked, ...standing });
