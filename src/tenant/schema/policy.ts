/** The section `policy` of a tenant document: what callers whose evidence is true may do. What it does not grant is refused. */

import * as v from "valibot";
import { MAX_TENANT_ENTRIES, MAX_TENANT_LIST } from "../../limits.ts";
import { fields, identifier, list, must, nonEmptyList, text, toolName } from "../fields.ts";
import { approval, type ToolApproval, toolApproval, toolApprovalPolicy } from "./approval.ts";
import { type LimitRule, limits, limitsPolicy, toolCost } from "./limits.ts";
import { type Redaction, redaction, redactionPolicy } from "./redaction.ts";

/** How far a tool reaches, the least first: a grant of one covers those before it. */
export const SCOPES = ["read", "write", "admin"] as const;

export type Scope = (typeof SCOPES)[number];

const scope = (description: string) => v.pipe(v.picklist(SCOPES), v.description(description));

const tag = text(
  /^[a-z0-9][a-z0-9._-]{0,63}$/,
  "must have 1 to 64 characters of a-z, 0-9, '.', '_', '-' and begin with a letter or digit",
  "A tag, such as production.",
);

/** A moment, as RFC 3339 writes it in UTC. */
export const moment = (description: string) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, "must be a time in UTC such as 2027-01-31T00:00:00Z"),
    must((time) => (Number.isNaN(Date.parse(time)) ? "is no time that exists" : null)),
    v.description(description),
  );

const tool = fields({
  name: toolName,
  scope: scope("How far it reaches: who has a grant of this scope or a wider one may call it."),
  environments: v.optional(
    nonEmptyList(
      tag,
      MAX_TENANT_LIST,
      "It may be called where the tenant has one of these tags; absent: anywhere.",
    ),
  ),
  cost: toolCost,
  approval: v.optional(toolApproval),
  redact: v.optional(redaction),
});

const grant = fields({
  agents: v.optional(list(tag, MAX_TENANT_ENTRIES, "Names of agents of this document."), []),
  subjects: v.optional(
    list(
      fields({
        issuer: identifier("The iss of their access tokens."),
        subject: v.optional(identifier("The sub; absent: every subject of the issuer.")),
      }),
      MAX_TENANT_ENTRIES,
      "Holders of access tokens.",
    ),
    [],
  ),
  scope: scope("The widest scope of a tool that it covers."),
  tools: v.optional(
    nonEmptyList(toolName, MAX_TENANT_LIST, "The tools that it covers; absent: all of that scope."),
  ),
  expires: v.optional(moment("When it ends.")),
  status: v.optional(
    v.pipe(v.picklist(["active", "revoked"]), v.description("A revoked grant grants nothing.")),
    "active",
  ),
});

export const policy = v.pipe(
  fields({
    environment: v.optional(list(tag, MAX_TENANT_LIST, "Tags of where this tenant is."), []),
    tools: v.optional(list(tool, MAX_TENANT_ENTRIES, "The tools that may be called."), []),
    unsafeUnlistedTools: v.optional(
      scope(
        "Takes tools that are not listed as if they were, with this scope. A tool that is new at the origin can then be called unseen.",
      ),
    ),
    grants: v.optional(
      list(grant, MAX_TENANT_ENTRIES, "Who may call which tools. Any one of them will do."),
      [],
    ),
    limits: v.optional(limits, []),
    approval: v.optional(approval),
  }),
  v.description("What callers may do. Without a grant nobody may call a tool."),
);

export interface ToolEntry {
  readonly name: string;
  readonly scope: Scope;
  /** Tags of tenants at which it may be called; null for all. */
  readonly environments: ReadonlySet<string> | null;
  /** Units of budgets that are counted in costs. */
  readonly cost: number;
  /** Null where no person is asked. */
  readonly approval: ToolApproval | null;
  /** Null where results are passed on as they are. */
  readonly redact: Redaction | null;
}

export interface ToolGrant {
  /** Its place in the document. */
  readonly index: number;
  readonly agents: ReadonlySet<string>;
  readonly subjects: readonly { readonly issuer: string; readonly subject: string | null }[];
  readonly scope: Scope;
  /** Null for all tools. */
  readonly tools: ReadonlySet<string> | null;
  /** Seconds; null where it does not end. */
  readonly expires: number | null;
  readonly revoked: boolean;
}

export interface Policy {
  /** Tags of the tenant. */
  readonly environment: ReadonlySet<string>;
  readonly tools: ReadonlyMap<string, ToolEntry>;
  /** The scope of tools that are not listed; null where they cannot be called. */
  readonly unsafeUnlistedTools: Scope | null;
  readonly grants: readonly ToolGrant[];
  readonly limits: readonly LimitRule[];
}

export const policyOf = ({
  environment,
  tools,
  unsafeUnlistedTools,
  grants,
  limits,
}: v.InferOutput<typeof policy>): Policy => ({
  environment: new Set(environment),
  tools: new Map(
    tools.map(({ name, scope, environments, cost, approval, redact }) => [
      name,
      {
        name,
        scope,
        environments: environments ? new Set(environments) : null,
        cost,
        approval: approval ? toolApprovalPolicy(approval) : null,
        redact: redact ? redactionPolicy(redact) : null,
      },
    ]),
  ),
  unsafeUnlistedTools: unsafeUnlistedTools ?? null,
  grants: grants.map(({ agents, subjects, scope, tools, expires, status }, index) => ({
    index,
    agents: new Set(agents),
    subjects: subjects.map(({ issuer, subject = null }) => ({ issuer, subject })),
    scope,
    tools: tools ? new Set(tools) : null,
    expires: expires === undefined ? null : Date.parse(expires) / 1000,
    revoked: status === "revoked",
  })),
  limits: limitsPolicy(limits),
});
