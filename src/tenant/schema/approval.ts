/** What a tenant document says of approvals: which tools need one, who may give it, and how those sign in. */

import * as v from "valibot";
import {
  DEFAULT_APPROVAL_LIFETIME,
  MAX_APPROVAL_LIFETIME,
  MAX_APPROVAL_ROLES,
  MAX_APPROVER_LENGTH,
  MAX_TENANT_LIST,
} from "../../limits.ts";
import { remoteUrlProblem } from "../../remote/url.ts";
import { bindingName, fields, identifier, integer, list, must, nonEmptyList, text } from "../fields.ts";

const roleName = text(
  /^[a-z0-9][a-z0-9._-]{0,63}$/,
  "must have 1 to 64 characters of a-z, 0-9, '.', '_', '-'",
  "Name of a role.",
);

export const toolApproval = v.pipe(
  fields({
    roles: nonEmptyList(roleName, MAX_APPROVAL_ROLES, "Who has one of these roles may approve a call of it."),
    people: v.optional(integer(1, 2, "How many different people must approve."), 1),
  }),
  v.description("A person has to approve each call of it."),
);

/** What a tool's approval needs. */
export interface ToolApproval {
  readonly roles: ReadonlySet<string>;
  /** How many different people. */
  readonly people: number;
}

export const toolApprovalPolicy = ({ roles, people }: v.InferOutput<typeof toolApproval>): ToolApproval => ({
  roles: new Set(roles),
  people,
});

const short = (description: string) =>
  v.pipe(
    v.string(),
    v.nonEmpty("must not be empty"),
    v.maxLength(MAX_APPROVER_LENGTH, `must have at most ${MAX_APPROVER_LENGTH} characters`),
    v.description(description),
  );

const role = fields({
  name: roleName,
  subjects: v.optional(list(short("A sub of the identity provider."), MAX_TENANT_LIST, "Who has it."), []),
  claim: v.optional(short("A claim of the ID token, such as groups, that only the identity provider sets.")),
  values: v.optional(
    list(short("A value of the claim."), MAX_TENANT_LIST, "Who has one of these values in the claim has it."),
    [],
  ),
});

/** What keeps a text from being the issuer identifier of an identity provider; null where nothing does. */
function providerProblem(issuer: string): string | null {
  if (issuer.includes("?")) return "must not have a query";
  // Without a path it is usually written without the slash that URLs have there.
  const { href = "" } = URL.parse(issuer) ?? {};
  return remoteUrlProblem(href === `${issuer}/` ? href : issuer);
}

const signIn = fields({
  issuer: v.pipe(
    v.string(),
    v.maxLength(MAX_APPROVER_LENGTH, `must have at most ${MAX_APPROVER_LENGTH} characters`),
    must(providerProblem),
    v.description("The identity provider (OpenID Connect): the iss of its ID tokens."),
  ),
  clientId: identifier("What Countersign is called there."),
  clientSecret: v.optional(
    text(
      /^APPROVAL_[A-Z0-9_]{1,64}$/,
      "must be the name of a secret that begins with APPROVAL_, in capitals, such as APPROVAL_ACME_SECRET",
      "Name of the secret of the deployment that holds the client's. No other tenant can name the same one.",
    ),
  ),
  scopes: v.optional(
    list(
      text(/^[!#-[\]-~]{1,64}$/, "must be a scope of OAuth", "A scope, such as groups."),
      MAX_APPROVAL_ROLES,
      "What is asked for beside openid, where ID tokens have the claims of your roles only then.",
    ),
    [],
  ),
  binding: v.optional(bindingName("Binding of the Worker to reach the identity provider through.")),
});

export const approval = v.pipe(
  fields({
    lifetimeSeconds: v.optional(
      integer(
        1,
        MAX_APPROVAL_LIFETIME,
        "How long a person has to decide, and the call to be made after that.",
      ),
      DEFAULT_APPROVAL_LIFETIME,
    ),
    signIn: v.pipe(signIn, v.description("Where approvers sign in.")),
    roles: nonEmptyList(role, MAX_APPROVAL_ROLES, "Who may approve what."),
  }),
  v.description("How people sign in to approve calls."),
);

export interface SignInPolicy {
  /** The identity provider. */
  readonly issuer: string;
  readonly clientId: string;
  /** Name of the deployment's secret; null for a public client. */
  readonly clientSecret: string | null;
  /** Beside `openid`. */
  readonly scopes: readonly string[];
  /** Name of a Fetcher binding to reach it through; null for public https. */
  readonly binding: string | null;
}

export interface ApproverRole {
  readonly name: string;
  readonly subjects: ReadonlySet<string>;
  /** Null where nobody has it by a claim. */
  readonly claim: { readonly name: string; readonly values: ReadonlySet<string> } | null;
}

export interface ApprovalPolicy {
  /** Seconds. */
  readonly lifetime: number;
  readonly signIn: SignInPolicy;
  readonly roles: readonly ApproverRole[];
}

export const approvalPolicy = ({
  lifetimeSeconds,
  signIn: { issuer, clientId, clientSecret, scopes, binding },
  roles,
}: v.InferOutput<typeof approval>): ApprovalPolicy => ({
  lifetime: lifetimeSeconds,
  signIn: { issuer, clientId, clientSecret: clientSecret ?? null, scopes, binding: binding ?? null },
  roles: roles.map(({ name, subjects, claim, values }) => ({
    name,
    subjects: new Set(subjects),
    claim: claim === undefined ? null : { name: claim, values: new Set(values) },
  })),
});
