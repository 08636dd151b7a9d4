/** Whether an open answer's caller could still prove itself, after its tenant's document has changed. */

import { expect, test } from "vitest";
import { recheckProof } from "../../src/supervision/recheck.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import {
  agents,
  call,
  otherAuthority,
  SUBJECT,
  trustDomains,
  wimseTenant,
  worker,
} from "../evidence/wit/helpers.ts";
import { ada, compiled, outcome, unwrap } from "../support/acme.ts";
import { noRemoteKeys } from "../support/agents.ts";

const caller = unwrap(await call());

const [workload, bob] = agents();
if (workload === undefined || bob === undefined) throw new Error("there are two");

const judged = async (by: Tenant) => {
  const agent = by.agents.bySubject.get("agent:ada");
  if (agent === undefined) throw new Error("ada is there");
  return outcome(await recheckProof(caller, agent, by, noRemoteKeys));
};
const withWorkload = (changes: object, more: Partial<TenantDocument> = {}) =>
  wimseTenant("wimse-07", {
    agents: [{ ...workload, workload: { subjects: [SUBJECT], ...changes } }, bob],
    ...more,
  });

test("nothing has changed", async () => expect(await judged(await wimseTenant())).toBe("ok"));

test.each<[string, () => Promise<Tenant>, string]>([
  ["its workload is another", () => withWorkload({ subjects: [`${SUBJECT}/other`] }), "principal.mismatch"],
  ["its profile is another", () => withWorkload({ revision: "wimse-06" }), "signature.key_unknown"],
  [
    "its agent has keys now",
    () =>
      compiled({
        trustDomains,
        agents: [{ name: "ada", subjects: ["agent:ada"], keys: [{ jwk: ada.jwk }] }, bob],
      }),
    "signature.key_unknown",
  ],
  [
    "its key is another agent's now",
    () => wimseTenant("wimse-07", { agents: [workload, { ...bob, keys: [{ jwk: { ...worker.jwk } }] }] }),
    "principal.mismatch",
  ],
  [
    "the trust domain has another key of that name",
    () => wimseTenant("wimse-07", { trustDomains: [{ domain: "example.org", keys: [otherAuthority.jwk] }] }),
    "wit.key_unknown",
  ],
  [
    "the trust domain has no key of that name",
    () =>
      wimseTenant("wimse-07", {
        trustDomains: [{ domain: "example.org", keys: [{ ...otherAuthority.jwk, kid: "authority-2" }] }],
      }),
    "wit.key_unknown",
  ],
  [
    "its algorithm is taken no more",
    () =>
      wimseTenant("wimse-07", {
        agents: [
          workload,
          { ...bob, keys: [], keySources: [{ type: "jwks", url: "https://keys.example/jwks" }] },
        ],
        signature: { algorithms: ["EdDSA"] },
      }),
    "signature.alg",
  ],
])("%s", async (_, changed, expected) => expect(await judged(await changed())).toBe(expected));

test("a registered key has another profile", async () => {
  const keys = (profile: "agent" | "poc") =>
    compiled({ agents: [{ name: "ada", subjects: ["agent:ada"], keys: [{ jwk: ada.jwk, profile }] }, bob] });
  const key = (await keys("agent")).agents.keys.get(ada.kid);
  if (key === undefined || caller.signature === null) throw new Error("they are there");
  const registered = { ...caller, signature: { ...caller.signature, key, profile: key.profile }, wit: null };
  const rechecked = async (by: Tenant) => {
    const agent = by.agents.bySubject.get("agent:ada");
    if (agent === undefined) throw new Error("ada is there");
    return outcome(await recheckProof(registered, agent, by, noRemoteKeys));
  };
  expect(await rechecked(await keys("agent"))).toBe("ok");
  expect(await rechecked(await keys("poc"))).toBe("signature.key_unknown");
});
