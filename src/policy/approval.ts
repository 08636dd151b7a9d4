import type { ToolApproval } from "../tenant/schema/approval.ts";

/**
 * What all that ask for an approval ask for together: the roles that every one of them names, and the most people.
 *
 * @returns null where nothing asks for one; without a role where nobody could give it
 */
export const approvalOfAll = (asked: readonly ToolApproval[]): ToolApproval | null =>
  asked.reduce<ToolApproval | null>(
    (all, one) =>
      all === null
        ? one
        : {
            roles: new Set([...all.roles].filter((role) => one.roles.has(role))),
            people: Math.max(all.people, one.people),
          },
    null,
  );
