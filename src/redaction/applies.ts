/** Whose answers are redacted, and what the rest of a tenant with redacted tools must not be used for. */

import type { Facts } from "../facts.ts";
import type { Message } from "../mcp/message.ts";
import { MCP_METHODS } from "../mcp/methods.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Redaction } from "../tenant/schema/redaction.ts";
import type { Policy, Tenant } from "../tenant/tenant.ts";

/**
 * What is cut out of the answer to a message; null where nothing is. Tasks hand out the results of tools later (MCP 2025-11-25, Tasks), and
 * what methods of the tenant's own hand out nobody knows: of these goes whatever any redaction cuts out.
 */
export function redactionOf(
  message: Message,
  { tools, redact, strictestRedaction }: Policy,
): Redaction | null {
  if (message.kind !== "request") return null;
  if (message.tool !== null) return tools.get(message.tool.name)?.redact ?? redact;
  const mayHoldResults = message.method.startsWith("tasks/") || !MCP_METHODS.has(message.method);
  return mayHoldResults ? strictestRedaction : null;
}

/** A stream that is taken up again could bring what was withheld (MCP 2025-11-25, Streamable HTTP, "Resumability"). Stage 8. */
export const checkResumption = ({ headers }: Facts, { policy }: Tenant): Result<void, Reason> =>
  policy.strictestRedaction !== null && headers.has("last-event-id")
    ? fail("redaction.resumption")
    : ok(undefined);
