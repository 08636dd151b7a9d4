/** What everybody may see of a tenant: the keys that receipts, checkpoints and assertions are signed with, and the checkpoints. */

import { queryLog } from "../audit/query.ts";
import { readSigningKeys } from "../audit/signing-keys.ts";
import type { Facts } from "../facts.ts";
import type { JsonObject } from "../json/strict-json.ts";
import { PUBLISHED_CHECKPOINTS, PUBLISHED_LENGTH, PUBLISHED_MAX_AGE } from "../limits.ts";
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
  const checkpoints = await readCheckpoints(id, after, env.AUDIT);
  return checkpoints.ok
    ? ok({ issuer: publicUrl, keys: keys.published, checkpoints: checkpoints.value })
    : checkpoints;
}

function readCheckpoints(
  tenant: string,
  after: string | null,
  db: D1Database,
): Promise<Result<readonly Entry[], Reason>> {
  const order = after === null ? "DESC" : "ASC";
  const query = `SELECT number, jws FROM
      (SELECT number, jws, SUM(LENGTH(jws)) OVER (ORDER BY number ${order}) AS length FROM
        (SELECT number, jws FROM checkpoints WHERE tenant = ? AND number > ? ORDER BY number ${order} LIMIT ?))
    WHERE length - LENGTH(jws) < ? ORDER BY number`;
  return queryLog<Entry>(db, query, tenant, Number(after), PUBLISHED_CHECKPOINTS, PUBLISHED_LENGTH);
}
