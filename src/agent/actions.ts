import { MCP_METHODS } from "../mcp/methods.ts";
import { deriveAction } from "../policy/actions.ts";

/** How a tenant names the actions of messages; see `actions` in its document. */
export interface ActionOptions {
  /** With `{tool}` at its end. */
  readonly toolCall?: string;
  /** With `{method}` at its end. */
  readonly session?: string;
  /** Methods beyond those of MCP. */
  readonly extraMethods?: readonly string[];
}

/**
 * The action that a message has for the tenant: what `exec_act` says and a mandate must grant.
 *
 * @param tool the tool of a `tools/call`; null for every other method
 * @throws TypeError for a method that the tenant does not know, and for a tool it would take for a session method
 * @example
 * import { actionOf } from "countersign/agent";
 *
 * actionOf("tools/call", "search"); // "mcp.search"
 * actionOf("tools/list", null); // "mcp.session.tools.list"
 */
export function actionOf(method: string, tool: string | null, options: ActionOptions = {}): string {
  const { toolCall = "mcp.{tool}", session = "mcp.session.{method}", extraMethods = [] } = options;
  const action = deriveAction(method, tool, { toolCall, session, extraMethods: new Set(extraMethods) });
  if (action.ok) return action.value;
  throw new TypeError(`no action for ${tool === null ? method : `the tool ${tool}`}: ${action.error}`);
}

/**
 * The actions of all messages that are not tool calls, for a tenant with templates of its own.
 *
 * @example
 * import { sessionActions } from "countersign/agent";
 *
 * sessionActions({ session: "session:{method}", extraMethods: ["ui/open"] }).includes("session:ui.open"); // true
 */
export const sessionActions = (options: ActionOptions = {}): readonly string[] =>
  [...MCP_METHODS, ...(options.extraMethods ?? [])]
    .filter((method) => method !== "tools/call")
    .map((method) => actionOf(method, null, options));

/**
 * The actions of all messages that are not tool calls, under the default templates. An MCP client cannot do without
 * some of them (`initialize`, `tools/list`), so a mandate lists them beside its tools.
 *
 * @example
 * import { SESSION_ACTIONS } from "countersign/agent";
 *
 * const actions = [...SESSION_ACTIONS, "mcp.search"];
 */
export const SESSION_ACTIONS: readonly string[] = sessionActions();
