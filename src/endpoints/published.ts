/** What everybody may see of a tenant's audit log: the keys that receipts and checkpoints are signed with, and the checkpoints. */

import { readSigningKeys } from "../audit/signing-keys.ts";
import { withDeadline } from "../deadline.ts";
import type { Facts } from "../facts.ts";
import type { JsonObject } from "../json/strict-json.ts";
import { D1_DEADLINE_MS, PUBLISHED_CHECKPOINTS, PUBLISHED_MAX_AGE } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { publish } from "./well-known.ts";

/** The document. It names no principal: a chain is called by a random id. */
interface Published {
  /** The tenant's public URL. */
  readonly issuer: string;
  /** A JWK Set (RFC 7517): earlier keys too. */
  readonly keys: { readonly keys: readonly JsonObject[] };
  /** Compact JWS, the newest last: the latest ones, or those that follow the number that the query names. */
  readonly checkpoints: readonly Entry[];
}

interface Entry {
  readonly number: number;
  readonly jws: string;
}

/** The query is `?after=<number of a checkpoint>`, or there is none. */
export async function publishedResponse(
  { method, query }: Facts,
  tenant: Tenant,
  env: Env,
): Promise<Result<Response, Reason>> {
  const after = /^\?after=(0|[1-9]\d{0,14})$/.exec(query ?? "")?.[1];
  if (query !== null && after === undefined) return fail("target.query_not_allowed");
  const isRead = method === "GET" || method === "HEAD";
  const document = isRead ? await readPublished(tenant, after ?? null, env) : ok({});
  return document.ok ? ok(await publish(method, PUBLISHED_MAX_AGE, () => document.value)) : document;
}

async function readPublished(
  { id, publicUrl }: Tenant,
  after: string | null,
  env: Env,
): Promise<Result<Published, Reason>> {
  const keys = await readSigningKeys(env.SIGNING_KEYS);
  if (keys === null) return fail("signing.unconfigured");
  try {
    const checkpoints = await withDeadline(readCheckpoints(id, after, env.AUDIT), D1_DEADLINE_MS);
    return ok({ issuer: publicUrl, keys: keys.published, checkpoints });
  } catch (error) {
    console.error(JSON.stringify({ event: "published.unavailable", tenant: id, error: String(error) }));
    return fail("endpoint.log_unavailable");
  }
}

async function readCheckpoints(tenant: string, after: string | null, db: D1Database): Promise<Entry[]> {
  const select = "SELECT number, jws FROM checkpoints WHERE tenant = ?";
  const query =
    after === null
      ? db.prepare(`${select} ORDER BY number DESC LIMIT ?`).bind(tenant, PUBLISHED_CHECKPOINTS)
      : db
          .prepare(`${select} AND number > ? ORDER BY number LIMIT ?`)
          .bind(tenant, Number(after), PUBLISHED_CHECKPOINTS);
  const { results } = await query.all<Entry>();
  return after === null ? results.reverse() : results;
}
