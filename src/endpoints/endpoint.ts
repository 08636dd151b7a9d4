/** The endpoints of a tenant: its MCP server's, and beside it those at which Countersign itself answers. */

import { type ApprovalEndpoint, approvalEndpoint } from "../approval/address.ts";
import { fromBase64url, fromUtf8, toBase64url, utf8 } from "../encoding.ts";
import type { Facts } from "../facts.ts";

/** An endpoint of Countersign's own. */
export type OwnEndpoint =
  /** What was decided about a call and what became of it, with proofs. */
  | { readonly kind: "receipt"; readonly decision: string }
  /** Takes the ACT record (phase 2) of a mandate. */
  | { readonly kind: "records" }
  /** The graph of a run; `run` is its `runKey`. */
  | { readonly kind: "run"; readonly run: string }
  /** The audit log, to be verified offline. */
  | { readonly kind: "export" }
  /** What the ledgers have not been able to hand on, and what is wrong with them. */
  | { readonly kind: "status" }
  /** What would have been refused, were it not only observed. */
  | { readonly kind: "observed" }
  /** What is revoked, and to revoke something. */
  | { readonly kind: "revocations" }
  /** A revocation, to lift it. */
  | { readonly kind: "revocation"; readonly number: number };

export type Endpoint = { readonly kind: "mcp" } | OwnEndpoint | ApprovalEndpoint;

/** Whether an endpoint is for people with a browser, who bring no evidence. */
export const isForPeople = (endpoint: Endpoint): endpoint is ApprovalEndpoint =>
  endpoint.kind === "approval" || endpoint.kind === "approval-callback";

/**
 * The endpoint at a path. Those of our own stand beside the public URL, as relative references are resolved (RFC 3986 section
 * 5.2): beside `/acme/mcp` it is `/acme/receipts/<decision>`.
 *
 * @param path plain; see `isPlainPath`
 * @param mcpPath that of the tenant's public URL
 * @returns null where the tenant has none
 */
export function endpointAt(path: string, mcpPath: string): Endpoint | null {
  if (path === mcpPath) return { kind: "mcp" };
  const base = mcpPath.slice(0, mcpPath.lastIndexOf("/") + 1);
  if (!path.startsWith(base)) return null;
  const [first = "", second, ...more] = path.slice(base.length).split("/");
  if (more.length > 0) return null;
  switch (first) {
    case "records":
      return second === undefined ? { kind: "records" } : null;
    case "receipts":
      return second !== undefined && /^[\w-]{22}$/.test(second)
        ? { kind: "receipt", decision: second }
        : null;
    case "runs": {
      const run = runNamed(second ?? "");
      return run === null ? null : { kind: "run", run };
    }
    case "approvals":
      return approvalEndpoint(second ?? "");
    case "revocations":
      if (second === undefined) return { kind: "revocations" };
      return /^[1-9]\d{0,14}$/.test(second) ? { kind: "revocation", number: Number(second) } : null;
    case "audit":
      return second === "export" || second === "status" || second === "observed" ? { kind: second } : null;
    default:
      return null;
  }
}

/**
 * The absolute URL that callers of an endpoint sign: configured but for what is beside the public URL, where the path is plain.
 *
 * @param facts of a request to the host of the public URL
 */
export const targetOf = (
  { kind }: Endpoint,
  publicUrl: string,
  { path, query }: Pick<Facts, "path" | "query">,
): string => (kind === "mcp" ? publicUrl : new URL(publicUrl).origin + path + (query ?? ""));

/** The methods there are at an endpoint, beside OPTIONS. */
export const methodsOf = ({ kind }: Endpoint): readonly string[] => {
  switch (kind) {
    case "mcp":
      return ["POST", "GET", "DELETE"];
    case "records":
      return ["POST"];
    case "revocations":
      return ["GET", "POST"];
    case "revocation":
      return ["DELETE"];
    case "approval":
      return ["GET", "POST"];
    case "approval-callback":
    case "receipt":
    case "run":
    case "export":
    case "status":
    case "observed":
      return ["GET"];
  }
};

/** What a run is called in a URL: its `runKey` in base64url. */
export const runId = (run: string): string => toBase64url(utf8(run));

/** The run of a name; null where it is none. */
function runNamed(id: string): string | null {
  const bytes = fromBase64url(id);
  const key = bytes && fromUtf8(bytes);
  return key === "" ? null : key;
}

/** The action that the audit log names, and that a mandate must grant where a visitor wants to see what is not its own. */
export const ownAction = ({ kind }: OwnEndpoint): string => {
  switch (kind) {
    case "receipt":
      return "countersign.receipts.read";
    case "records":
      return "countersign.records.write";
    case "run":
      return "countersign.runs.read";
    case "export":
    case "status":
    case "observed":
      return AUDIT_ACTION;
    case "revocations":
    case "revocation":
      return REVOCATIONS_ACTION;
  }
};

/** Who has this in its mandate may revoke, and lift what is revoked. */
export const REVOCATIONS_ACTION = "countersign.revocations.write";

/** Who has this in its mandate may see all of the tenant's audit log. */
export const AUDIT_ACTION = "countersign.audit.read";

/** The endpoints that take a query. */
export const takesQuery = ({ kind }: Endpoint): boolean =>
  kind === "export" || kind === "observed" || kind === "approval-callback";
