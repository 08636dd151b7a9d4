import type { Policy, ToolGrant } from "../../tenant/tenant.ts";

/** Whom an access token is about: `sub` is unique at its issuer alone. */
export interface Subject {
  readonly iss: string;
  readonly sub: string;
}

/** The principal. The subject has no colon in it, so that two pairs never share a name. */
export const tokenPrincipal = ({ iss, sub }: Subject): string =>
  `oauth:${iss}:${sub.replaceAll("%", "%25").replaceAll(":", "%3A")}`;

/** Whether a grant is for the subject of an access token: by itself, or with all others of its issuer. */
export const isFor = ({ subjects }: Pick<ToolGrant, "subjects">, { iss, sub }: Subject): boolean =>
  subjects.some(({ issuer, subject }) => issuer === iss && (subject === null || subject === sub));

/**
 * Whether the policy knows the subject at all, as it knows its agents: some grant is for it, whatever has become of that. Anybody may be able
 * to get a token from an authorization server that registers clients by itself, and each caller who is known has a ledger.
 */
export const isKnown = (subject: Subject, { grants }: Pick<Policy, "grants">): boolean =>
  grants.some((grant) => isFor(grant, subject));
