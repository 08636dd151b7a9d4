import { MCP_METHODS } from "../mcp/methods.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { ActionTemplates } from "../tenant/tenant.ts";

/** Of the actions at Countersign's own endpoints. No message has one, whatever a tenant's templates say. */
export const OWN_PREFIX = "countersign.";

/**
 * The action of a message, as `exec_act` and `cap[].action` name it: `mcp.search` for a call of the tool
 * `search`, `mcp.session.tools.list` for `tools/list`. Injective: two messages never share an action unless
 * they have the same method and tool, so a capability for one never opens the other.
 *
 * @param tool the tool of a `tools/call`; null for every other method
 */
export function deriveAction(
  method: string,
  tool: string | null,
  templates: ActionTemplates,
): Result<string, Reason> {
  const action = actionOf(method, tool, templates);
  // What the document's templates say cannot make a message pass for a call of an endpoint of ours.
  return action.ok && action.value.startsWith(OWN_PREFIX) ? fail("message.tool_name_reserved") : action;
}

function actionOf(method: string, tool: string | null, templates: ActionTemplates): Result<string, Reason> {
  const sessionPrefix = templates.session.slice(0, templates.session.indexOf("{method}"));
  if (tool !== null) {
    const action = templates.toolCall.replace("{tool}", () => tool);
    return action.startsWith(sessionPrefix) ? fail("message.tool_name_reserved") : ok(action);
  }
  if (!MCP_METHODS.has(method) && !templates.extraMethods.has(method)) return fail("message.method_unknown");
  return ok(sessionPrefix + method.replaceAll("/", "."));
}
