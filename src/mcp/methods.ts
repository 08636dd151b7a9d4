/**
 * The MCP methods Countersign knows, of all revisions from 2025-03-26 to 2026-07-28. A method outside this
 * table (and outside the tenant's own additions) is refused: an action must be derived from it.
 */
export const MCP_METHODS: ReadonlySet<string> = new Set([
  // lifecycle and discovery
  "initialize",
  "server/discover",
  "ping",
  // server features
  "tools/list",
  "tools/call",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "prompts/list",
  "prompts/get",
  "completion/complete",
  "logging/setLevel",
  "subscriptions/listen",
  "tasks/get",
  "tasks/list",
  "tasks/result",
  "tasks/update",
  "tasks/cancel",
  // notifications a client sends
  "notifications/initialized",
  "notifications/cancelled",
  "notifications/progress",
  "notifications/roots/list_changed",
  "notifications/tasks/status",
]);
