/** What a tenant document says of approvals: which tools need one, who may give it, and how those sign in. */

import * as v from "valibot";
import { DEFAULT_APPROVAL_LIFETIME, MAX_APPROVAL_LIFETIME, MAX_TENANT_LIST } from "../../limits.ts";
import { fields, integer, nonEmptyList, text } from "../fields.ts";

const roleName = text(
  /^[a-z0-9][a-z0-9._-]{0,63}$/,
  "must have 1 to 64 characters of a-z, 0-9, '.', '_', '-'",
  "Name of a role.",
);

export const toolApproval = v.pipe(
  fields({
    roles: nonEmptyList(roleName, MAX_TENANT_LIST, "Who has one of these roles may approve a call of it."),
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
  }),
  v.description("How people sign in to approve calls."),
);
