/** The way of an approver to the identity provider and back: authorization code with PKCE, state and nonce (OpenID Connect Core 1.0). */

import * as oauth from "oauth4webapi";
import { textNamed } from "../bindings.ts";
import { readIdentifier } from "../evidence/claims.ts";
import { MAX_APPROVER_LENGTH, SIGN_IN_LIFETIME } from "../limits.ts";
import type { SessionKeys } from "../session/keys.ts";
import type { ApprovalPolicy } from "../tenant/schema/approval.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { approvalUrl, callbackUrl, type WaitingCall } from "./address.ts";
import { approverCookie, approverOf } from "./approver.ts";
import { cookie, readCookie } from "./cookies.ts";
import { GUARDED, noticePage } from "./page.ts";
import { exchange, findProvider } from "./provider.ts";
import { rolesOf } from "./roles.ts";
import { type Binding, seal, unseal } from "./seal.ts";

/** What both ways are taken with. */
export interface SignInContext {
  readonly tenant: Tenant;
  readonly policy: ApprovalPolicy;
  readonly keys: SessionKeys;
  readonly env: Env;
  /** Seconds. */
  readonly now: number;
}

/** What the browser keeps, sealed, until it comes back. */
interface Awaited {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Seconds. */
  readonly expires: number;
  /** Where it wanted to go. */
  readonly call: WaitingCall;
}

const bindingFor = ({ id, publicUrl, revision }: Tenant): Binding => ({
  purpose: "sign-in",
  names: [id, publicUrl, revision],
});

/** Sends a browser to the identity provider. Whether anything waits under the address it has not learned. */
export async function beginSignIn(call: WaitingCall, context: SignInContext): Promise<Response> {
  const { tenant, policy, keys, env, now } = context;
  const { signIn } = policy;
  const provider = await findProvider(signIn, env, now * 1000);
  if (provider === null) return noticePage("provider");
  const awaited: Awaited = {
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(),
    expires: now + SIGN_IN_LIFETIME,
    call,
  };
  const url = new URL(provider.authorization_endpoint);
  const parameters = {
    response_type: "code",
    client_id: signIn.clientId,
    redirect_uri: callbackUrl(tenant.publicUrl),
    scope: ["openid", ...signIn.scopes].join(" "),
    state: awaited.state,
    nonce: awaited.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(awaited.verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const sealed = await seal(awaited, bindingFor(tenant), keys);
  return redirect(url.href, [cookie("sign-in", sealed, tenant, SIGN_IN_LIFETIME)]);
}

/**
 * Takes a browser back in. Who has no role is not signed in.
 *
 * @param query with its leading `?`
 */
export async function finishSignIn(
  headers: ReadonlyMap<string, string>,
  query: string | null,
  { tenant, policy, keys, env, now }: SignInContext,
): Promise<Response> {
  const sealed = readCookie(headers, "sign-in", tenant);
  const opened = sealed === null ? null : await unseal(sealed, bindingFor(tenant), keys);
  const awaited = opened as unknown as Awaited | null;
  const parameters = new URLSearchParams(query ?? "");
  if (awaited === null || now >= awaited.expires || parameters.get("state") !== awaited.state)
    return noticePage("signed_in_elsewhere");
  const { signIn } = policy;
  const secret = signIn.clientSecret === null ? null : textNamed(env, signIn.clientSecret);
  const provider = await findProvider(signIn, env, now * 1000);
  if (provider === null) return noticePage("provider");
  if (secret === null && signIn.clientSecret !== null) {
    console.error(
      JSON.stringify({ event: "approval.secret_missing", tenant: tenant.id, secret: signIn.clientSecret }),
    );
    return noticePage("provider");
  }
  const { state, nonce, verifier, call } = awaited;
  const redirectUri = callbackUrl(tenant.publicUrl);
  const claims = await exchange(
    provider,
    signIn,
    { parameters, state, nonce, verifier, redirectUri, secret },
    env,
  );
  const sub = readIdentifier(claims?.sub, MAX_APPROVER_LENGTH);
  if (claims === null || sub === null) return noticePage("sign_in_failed");
  const roles = rolesOf(policy.roles, claims);
  if (roles.length === 0) return noticePage("role");
  const approver = approverOf(signIn.issuer, sub, roles, now);
  return redirect(approvalUrl(tenant.publicUrl, call), [
    await approverCookie(approver, tenant, keys),
    cookie("sign-in", "", tenant, 0),
  ]);
}

function redirect(location: string, cookies: readonly string[]): Response {
  const headers = new Headers({ ...GUARDED, Location: location });
  for (const one of cookies) headers.append("Set-Cookie", one);
  return new Response(null, { status: 303, headers });
}
