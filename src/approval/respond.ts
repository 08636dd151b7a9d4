/** What people with a browser are answered: they sign in, see what waits for them, and decide. */

import { readSigningKeys } from "../audit/signing-keys.ts";
import { seconds } from "../clock.ts";
import { fromUtf8, utf8 } from "../encoding.ts";
import { methodsOf } from "../endpoints/endpoint.ts";
import type { Facts } from "../facts.ts";
import type { Passage } from "../gate.ts";
import { approve, findApproval } from "../ledger/client.ts";
import type { ApprovalEntry } from "../ledger/protocol.ts";
import { BODY_DEADLINE_MS, MAX_APPROVAL_FORM_BYTES } from "../limits.ts";
import { readBody } from "../mcp/body.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { readSessionKeys, type SessionKeys } from "../session/keys.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Trail } from "../trail.ts";
import { approvalUrl, type WaitingCall } from "./address.ts";
import { type Approver, approverName, formToken, readApprover } from "./approver.ts";
import { approvalDigest } from "./digest.ts";
import { decidedPage, type Notice, noticePage, questionPage } from "./page.ts";
import { beginSignIn, finishSignIn } from "./sign-in.ts";
import { DECISIONS, type Decision, signApproval } from "./statement.ts";
import { type ApprovalView, openView } from "./view.ts";
import { isOwn, ledgerOf } from "./whose.ts";

type Visit = Extract<Passage, { kind: "people" }>;

export async function respondToPerson(
  { facts, tenant, endpoint }: Visit,
  trail: Trail,
  env: Env,
): Promise<Result<Response, Reason>> {
  const policy = tenant.policy.approval;
  if (policy === null) return fail("target.unknown");
  if (!methodsOf(endpoint).includes(facts.method)) return fail("endpoint.method");
  const keys = await readSessionKeys(env.SESSION_KEYS);
  if (keys === null) return fail("session.unconfigured");
  const context = { tenant, policy, keys, env, now: seconds() };
  if (endpoint.kind === "approval-callback")
    return ok(await finishSignIn(facts.headers, facts.query, context));
  if (!isNavigation(facts.headers)) return ok(noticePage("form"));
  const { call } = endpoint;
  const isForm = facts.method === "POST";
  if (isForm && facts.headers.get("origin") !== new URL(tenant.publicUrl).origin)
    return ok(noticePage("form"));
  const approver = await readApprover(facts.headers, tenant, keys, context.now);
  if (approver === null) return ok(isForm ? noticePage("form") : await beginSignIn(call, context));
  const token = await formToken(approver, approvalUrl(tenant.publicUrl, call));
  const decision = isForm ? await readForm(facts, token) : null;
  if (isForm && decision === null) return ok(noticePage("form"));

  const found = await findCall(call, approver, tenant, keys, env);
  if (!found.ok) return found;
  if (typeof found.value === "string") return ok(noticePage(found.value));
  const { entry, view } = found.value;
  if (decision !== null) return decide(decision, found.value, approver, tenant, trail, env);
  const name = approverName(approver);
  return ok(questionPage({ entry, view, tenant: tenant.publicUrl, token, approver: name }));
}

/** Whether a person opens the page, where the browser says so (Fetch Metadata): no script reads it, and no frame shows it. */
const isNavigation = (headers: ReadonlyMap<string, string>): boolean =>
  (headers.get("sec-fetch-mode") ?? "navigate") === "navigate" &&
  (headers.get("sec-fetch-dest") ?? "document") === "document";

/** Signs what somebody says, and hands it to the ledger: what that makes of it is what counts. */
async function decide(
  decision: Decision,
  { ledger, entry, view }: FoundCall,
  approver: Approver,
  { publicUrl }: Tenant,
  trail: Trail,
  env: Env,
): Promise<Result<Response, Reason>> {
  const signing = await readSigningKeys(env.SIGNING_KEYS);
  if (signing === null) return fail("signing.unconfigured");
  const { id, digest, tool, revision, expires } = entry;
  const statement = await signApproval(
    {
      iss: publicUrl,
      sub: approverName(approver),
      jti: trail.decision,
      iat: seconds(),
      exp: expires,
      decision,
      id,
      digest,
      tool,
      revision,
      principal: view.principal,
      run: view.run,
      roles: approver.roles,
    },
    signing,
  );
  const heard = await approve(env, ledger, statement);
  if (!heard.ok) return heard;
  return ok(heard.value.ok ? decidedPage(heard.value.value, statement) : noticePage(heard.value.error));
}

/** A call that somebody may decide about. */
interface FoundCall {
  /** The name of its ledger. */
  readonly ledger: string;
  readonly entry: ApprovalEntry;
  readonly view: ApprovalView;
}

/** Finds what waits under an address, or what to say to who asked for it. */
async function findCall(
  call: WaitingCall,
  approver: Approver,
  tenant: Tenant,
  keys: SessionKeys,
  env: Env,
): Promise<Result<FoundCall | Notice, Reason>> {
  const ledger = ledgerOf(call, tenant);
  if (ledger === null) return ok("unknown");
  const found = await findApproval(env, ledger, call.id);
  if (!found.ok) return found;
  const entry = found.value;
  if (entry === null) return ok("unknown");
  const { id, digest, revision, state, sealed, approvals } = entry;
  if (!entry.roles.some((role) => approver.roles.includes(role))) return ok("role");
  if (isOwn(call, approver, tenant)) return ok("own");
  if (revision !== tenant.revision) return ok("other_revision");
  if (state !== "pending" || sealed === null) return ok("decided");
  if (approvals.some(({ sub }) => sub === approverName(approver))) return ok("again");
  const view = await openView(sealed, { ledger, id, digest, revision }, keys);
  const isWhole = view !== null && (await approvalDigest(view)) === digest;
  return ok(isWhole ? { ledger, entry, view } : "unreadable");
}

/** The decision in a form of the page that this session was shown; null for anything else. */
async function readForm({ headers, body }: Facts, token: string): Promise<Decision | null> {
  if (!/^application\/x-www-form-urlencoded$/i.test(headers.get("content-type") ?? "")) return null;
  const read = await readBody(body, headers, MAX_APPROVAL_FORM_BYTES, BODY_DEADLINE_MS);
  const text = read.ok ? fromUtf8(read.value) : null;
  if (text === null) return null;
  const form = new URLSearchParams(text);
  const [tokens, decisions] = [form.getAll("token"), form.getAll("decision")];
  if (tokens.length !== 1 || decisions.length !== 1 || !isEqual(tokens[0] ?? "", token)) return null;
  return DECISIONS.find((decision) => decision === decisions[0]) ?? null;
}

/** Takes no less time where they differ early. */
function isEqual(a: string, b: string): boolean {
  const [bytes, others] = [utf8(a), utf8(b)];
  return bytes.length === others.length && crypto.subtle.timingSafeEqual(bytes, others);
}
