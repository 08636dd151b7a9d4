import type { JsonObject, JsonValue } from "../json/strict-json.ts";
import type { ApproverRole } from "../tenant/schema/approval.ts";

/** The names of the roles that the holder of an ID token has. */
export const rolesOf = (roles: readonly ApproverRole[], claims: JsonObject): readonly string[] =>
  roles.filter((role) => hasRole(role, claims)).map(({ name }) => name);

function hasRole({ subjects, claim }: ApproverRole, claims: JsonObject): boolean {
  if (typeof claims.sub === "string" && subjects.has(claims.sub)) return true;
  if (claim === null || !Object.hasOwn(claims, claim.name)) return false;
  // An address that nobody has verified is whatever somebody typed.
  if (claim.name === "email" && claims.email_verified !== true) return false;
  const held: JsonValue | undefined = claims[claim.name];
  const values: readonly (JsonValue | undefined)[] = Array.isArray(held) ? held : [held];
  return values.some((value) => typeof value === "string" && claim.values.has(value));
}
