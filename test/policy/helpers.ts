/** What a tenant's policy says to calls, with a document compiled for each test. */

import type { Grant } from "../../src/evidence/act/bind.ts";
import type { Caller } from "../../src/evidence/caller.ts";
import type { JsonObject } from "../../src/json/strict-json.ts";
import { type Judgement, judgePolicy, type PolicyGate } from "../../src/policy/judge.ts";
import type { KnownNames } from "../../src/policy/rules/names.ts";
import type { Reason } from "../../src/reasons.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { compiled, document, GATEWAY, NOW } from "../support/acme.ts";

export type PolicyDocument = NonNullable<TenantDocument["policy"]>;

/** Where approvers sign in, and the roles that they can have. */
export const approvers: NonNullable<PolicyDocument["approval"]> = {
  signIn: { issuer: "https://people.example", clientId: "countersign" },
  roles: ["ops", "finance"].map((name) => ({ name, subjects: [`${name}@people`] })),
};

export const purpose = "Find recent papers";

export function agentCaller(tenant: Tenant, name = "ada"): Caller {
  const agent = tenant.agents.bySubject.get(`agent:${name}`);
  if (agent === undefined) throw new Error(`there is no agent ${name}`);
  const iss = "https://issuer.example";
  const mandate = {
    ...{ iss, rootIss: iss, jti: "m-1", wid: null, iat: NOW, exp: NOW + 60, agent, purpose },
    ...{ cap: [], chain: [], keys: [], digest: "d" },
  };
  return { kind: "agent", agent, lane: 0, mandate, signature: null, ect: null, wit: null, token: null };
}

export const tokenCaller = (iss: string, sub: string, scopes: readonly string[] = []): Caller => ({
  kind: "token",
  token: {
    ...{ iss, sub, clientId: "client-1", jti: "t-1", iat: NOW, exp: NOW + 60 },
    ...{ scopes: new Set(scopes), digest: "d", confirmation: null, proof: null },
  } as unknown as Extract<Caller, { kind: "token" }>["token"],
  ...{ lane: 0, agent: null, mandate: null, signature: null, ect: null, wit: null },
});

/** For conditions that compare with none. */
export const noNames: KnownNames = { tools: new Set(), agents: new Set(), tags: new Set() };

export interface Call {
  readonly caller?: Caller | null;
  readonly agent?: string;
  readonly tool?: string;
  readonly args?: JsonObject;
  readonly now?: number;
  readonly grants?: readonly Grant[];
}

export async function judged(
  policy: PolicyDocument,
  call: Call = {},
  changes: Partial<TenantDocument> = {},
): Promise<Judgement> {
  return judgedBy(await compiled({ ...changes, policy }), call);
}

export function judgedBy(
  tenant: Tenant,
  { agent, caller = agentCaller(tenant, agent), tool = "search", args = {}, now = NOW, grants }: Call = {},
): Judgement {
  return judgePolicy({ tenant, caller, tool: { name: tool, arguments: args }, grants: grants ?? null, now });
}

/** What one gate says. */
export const said = ({ verdicts }: Judgement, gate: PolicyGate): Reason | "ok" =>
  verdicts.find((verdict) => verdict.gate === gate)?.reason ?? "ok";

/** The faults of a document with this policy. */
export async function faults(
  policy: PolicyDocument | JsonObject,
  changes: Partial<TenantDocument> = {},
): Promise<readonly string[]> {
  const text = JSON.stringify({ ...document(changes), policy });
  const result = await compileTenant(text, GATEWAY);
  return result.ok ? [] : result.error.map(({ path, problem }) => `${path} ${problem}`);
}
