/** What two tenants of one deployment must not share: evidence or credentials of one would be good for the other. */

import type { Fault } from "./faults.ts";
import type { Tenant } from "./tenant.ts";

/**
 * Finds what the tenants of one deployment share: an id, a public URL, audience or server fingerprint, or the secret of a
 * credential. The second to fourth are one name space, because by default all are the public URL. A fault is at the later
 * tenant, its path begins with that tenant's id, and its problem names the earlier one.
 */
export function findConflicts(tenants: readonly Tenant[]): readonly Fault[] {
  const ids = new Set<string>();
  const owners = new Map<string, { id: string; field: string }>();
  const secrets = new Map<string, string>();
  const faults: Fault[] = [];
  for (const tenant of tenants) {
    if (ids.has(tenant.id)) faults.push({ path: `${tenant.id}.id`, problem: "is the id of two tenants" });
    ids.add(tenant.id);
    const mine = new Map<string, { id: string; field: string }>();
    for (const [field, value] of meanings(tenant)) {
      if (mine.has(value)) continue;
      mine.set(value, { id: tenant.id, field });
      const owner = owners.get(value);
      // Two equal public URLs are one fault, not a second one for their host.
      const isSaid = value === tenant.ownHost && owners.has(tenant.publicUrl);
      if (owner && !isSaid) {
        const problem = `${JSON.stringify(value)} also means tenant ${owner.id} (${owner.field})`;
        faults.push({ path: `${tenant.id}.${field}`, problem });
      }
    }
    for (const [value, owner] of mine) if (!owners.has(value)) owners.set(value, owner);
    for (const [secret, path] of secretsOf(tenant)) {
      const owner = secrets.get(secret);
      if (owner === undefined) secrets.set(secret, tenant.id);
      else
        faults.push({
          path: `${tenant.id}.${path}`,
          problem: `${secret} is a secret of tenant ${owner}`,
        });
    }
  }
  return faults;
}

/** Every value that means a tenant, with the field of its document. */
const meanings = ({
  publicUrl,
  ownHost,
  audiences,
  fingerprints,
}: Tenant): readonly (readonly [string, string])[] => [
  ["publicUrl", publicUrl],
  // A host name leads to one tenant, whatever the paths are.
  ...(ownHost === null ? [] : [["publicUrl", ownHost] as const]),
  ...[...audiences].map((value) => ["audiences", value] as const),
  ...[...fingerprints].map((value) => ["serverFingerprints", value] as const),
];

/** The names of secrets of the deployment that are shown to somebody in a tenant's name, each with where it is named. */
function secretsOf({ origin, policy }: Tenant): ReadonlyMap<string, string> {
  const secrets = new Map(origin.credentials.map(({ secret }) => [secret, "origin.credentials"]));
  const client = policy.approval?.signIn.clientSecret ?? null;
  return client === null ? secrets : secrets.set(client, "policy.approval.signIn.clientSecret");
}
