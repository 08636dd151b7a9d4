/** The section `policy` of a tenant document: what callers whose evidence is true may do. What it does not grant is refused. */

import * as v from "valibot";
import type { ArgumentRules } from "../../evidence/act/constraints/arguments.ts";
import { MAX_RULE_LENGTH, MAX_RULES, MAX_TENANT_ENTRIES, MAX_TENANT_LIST } from "../../limits.ts";
import type { Expression } from "../../policy/rules/expression.ts";
import type { InputSchema } from "../../policy/schema/input-schema.ts";
import { fields, identifier, jsonObject, list, must, nonEmptyList, text, toolName } from "../fields.ts";
import {
  type ApprovalPolicy,
  approval,
  approvalPolicy,
  type ToolApproval,
  toolApproval,
  toolApprovalPolicy,
} from "./approval.ts";
import { type LimitRule, limits, limitsPolicy, toolCost } from "./limits.ts";
import { type Redaction, redaction, redactionPolicy, strictestOf } from "./redaction.ts";

/** How far a tool reaches, the least first: a grant of one covers those before it. */
export const SCOPES = ["read", "write", "admin"] as const;

export type Scope = (typeof SCOPES)[number];

/** Whether what is granted to one scope covers a tool of another. */
export const coversScope = (granted: Scope, scope: Scope): boolean =>
  SCOPES.indexOf(granted) >= SCOPES.indexOf(scope);

const scope = (description: string) => v.pipe(v.picklist(SCOPES), v.description(description));

const tag = text(
  /^[a-z0-9][a-z0-9._-]{0,63}$/,
  "must have 1 to 64 characters of a-z, 0-9, '.', '_', '-' and begin with a letter or digit",
  "A tag, such as production.",
);

/** Engines take 30 February for 2 March: later than what was meant. */
const exists = (time: string): boolean => {
  const ms = Date.parse(time);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === time.replace("Z", ".000Z");
};

/** A moment, as RFC 3339 writes it in UTC. */
export const moment = (description: string) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, "must be a time in UTC such as 2027-01-31T00:00:00Z"),
    must((time) => (exists(time) ? null : "is no time that exists")),
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
  inputSchema: v.optional(
    jsonObject("JSON Schema (2020-12, in the part that docs/policy.md names) of its arguments."),
  ),
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
  constraints: v.optional(
    jsonObject("What the arguments may be: members arguments and additional, as in a mandate's cap."),
  ),
  expires: v.optional(moment("When it ends.")),
  status: v.optional(
    v.pipe(v.picklist(["active", "revoked"]), v.description("A revoked grant grants nothing.")),
    "active",
  ),
});

const rule = fields({
  name: text(
    /^[a-z0-9][a-z0-9._-]{0,63}$/,
    "must have 1 to 64 characters of a-z, 0-9, '.', '_', '-' and begin with a letter or digit",
    "Name of the rule: it stands in the audit record.",
  ),
  tools: v.optional(
    nonEmptyList(toolName, MAX_TENANT_LIST, "Calls of these tools; calls of all where absent."),
  ),
  when: v.pipe(
    v.string(),
    v.nonEmpty("must not be empty"),
    v.maxLength(MAX_RULE_LENGTH, `must have at most ${MAX_RULE_LENGTH} characters`),
    v.description("Expression in CEL that is true or false, as docs/policy.md says."),
  ),
  then: v.pipe(
    v.picklist(["deny", "approve"]),
    v.description("What follows where it is true: refusal, or a person has to approve the call."),
  ),
  approval: v.optional(toolApproval),
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
    rules: v.optional(
      list(rule, MAX_RULES, "What else is refused, or needs approval. No rule ever allows anything."),
      [],
    ),
    limits: v.optional(limits, []),
    redact: v.optional(redaction),
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
  /** Null where the tenant's own is meant. */
  readonly redact: Redaction | null;
  /** What its arguments are held against; null where the tenant does not say. */
  readonly inputSchema: InputSchema | null;
}

export interface ToolGrant {
  readonly agents: ReadonlySet<string>;
  readonly subjects: readonly { readonly issuer: string; readonly subject: string | null }[];
  readonly scope: Scope;
  /** Null for all tools. */
  readonly tools: ReadonlySet<string> | null;
  /** What the arguments may be; null for any. */
  readonly constraints: ArgumentRules | null;
  /** Seconds; null where it does not end. */
  readonly expires: number | null;
  readonly revoked: boolean;
}

/** What refuses a call beside all grants, or makes a person look at it. */
export interface Rule {
  readonly name: string;
  /** Null for all. */
  readonly tools: ReadonlySet<string> | null;
  readonly when: Expression;
  /** What the approval needs where it is true; null where the call is refused then. */
  readonly approval: ToolApproval | null;
}

/** What of the section is more than a translation: see `../policy-programs.ts`. */
export interface Programs {
  /** By the place of the grant. */
  readonly constraints: readonly (ArgumentRules | null)[];
  /** By the name of the tool. */
  readonly inputSchemas: ReadonlyMap<string, InputSchema>;
  readonly rules: readonly Rule[];
}

export interface Policy {
  /** Tags of the tenant. */
  readonly environment: ReadonlySet<string>;
  readonly tools: ReadonlyMap<string, ToolEntry>;
  /** The scope of tools that are not listed; null where they cannot be called. */
  readonly unsafeUnlistedTools: Scope | null;
  readonly grants: readonly ToolGrant[];
  readonly rules: readonly Rule[];
  readonly limits: readonly LimitRule[];
  /** Of tools that say nothing of their own. */
  readonly redact: Redaction | null;
  /** What all redactions of the tenant together cut out; null where no result is redacted. */
  readonly strictestRedaction: Redaction | null;
  /** Null where nobody can be asked. */
  readonly approval: ApprovalPolicy | null;
}

export type PolicySection = v.InferOutput<typeof policy>;

export const policyOf = (
  { environment, tools, unsafeUnlistedTools, grants, limits, approval, redact }: PolicySection,
  { constraints, inputSchemas, rules }: Programs,
): Policy => ({
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
        inputSchema: inputSchemas.get(name) ?? null,
      },
    ]),
  ),
  unsafeUnlistedTools: unsafeUnlistedTools ?? null,
  grants: grants.map(({ agents, subjects, scope, tools, expires, status }, index) => ({
    agents: new Set(agents),
    subjects: subjects.map(({ issuer, subject = null }) => ({ issuer, subject })),
    scope,
    tools: tools ? new Set(tools) : null,
    constraints: constraints[index] ?? null,
    expires: expires === undefined ? null : Date.parse(expires) / 1000,
    revoked: status === "revoked",
  })),
  rules,
  limits: limitsPolicy(limits),
  approval: approval ? approvalPolicy(approval) : null,
  redact: redact ? redactionPolicy(redact) : null,
  strictestRedaction: strictestOf(
    [redact, ...tools.map((tool) => tool.redact)].flatMap((one) => (one ? [redactionPolicy(one)] : [])),
  ),
});
