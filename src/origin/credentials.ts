/** Credentials of the tenant's own for its origin, in place of the caller's. */

import { textNamed } from "../bindings.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Origin } from "../tenant/tenant.ts";

/**
 * Reads what the origin is shown from the secrets of the deployment: header lines, lower-case names.
 *
 * @returns `origin.credential_missing` where one is absent or could not be sent (RFC 9110 section 5.5)
 */
export function readCredentials(
  { credentials }: Pick<Origin, "credentials">,
  env: Env,
): Result<readonly (readonly [header: string, value: string])[], Reason> {
  const lines: (readonly [string, string])[] = [];
  for (const { header, secret, prefix } of credentials) {
    const value = textNamed(env, secret);
    if (value === null || !CAN_BE_SENT.test(value)) return fail("origin.credential_missing");
    lines.push([header, prefix + value]);
  }
  return ok(lines);
}

/** Printable, with nothing at its ends that would be cut off. */
const CAN_BE_SENT = /^[!-~]([ -~]*[!-~])?$/;
