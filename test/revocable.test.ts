/** What a request rests on, by names that no two things share. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runId } from "../src/endpoints/endpoint.ts";
import type { VerifiedAccessToken } from "../src/evidence/access-token/verify.ts";
import type { VerifiedMandate } from "../src/evidence/act/verify.ts";
import type { Caller } from "../src/evidence/caller.ts";
import { REVOKED, type Revoked, revokedName, revokedNamed } from "../src/ledger/revoked.ts";
import { runKey } from "../src/ledger/run-key.ts";
import { revocableIn } from "../src/revocable.ts";
import { agentOf } from "./support/acme.ts";

const text = fc.string({ unit: "binary" });
const anything: fc.Arbitrary<Revoked> = fc.oneof(
  fc.record({ kind: fc.constant("mandate" as const), iss: text, jti: text }),
  fc.record({ kind: fc.constant("token" as const), iss: text, jti: text }),
  fc.record({ kind: fc.constant("agent" as const), name: text }),
  fc.record({ kind: fc.constant("subject" as const), iss: text, sub: text }),
  fc.record({ kind: fc.constant("key" as const), thumbprint: text }),
  fc.record({ kind: fc.constant("issuer" as const), iss: text }),
  fc.record({ kind: fc.constant("run" as const), run: text }),
  fc.record({ kind: fc.constant("tenant" as const) }),
  fc.record({ kind: fc.constant("document" as const), version: fc.nat() }),
);

describe("a name", () => {
  test("stands for one thing alone", () => {
    fc.assert(
      fc.property(anything, (revoked) => void expect(revokedNamed(revokedName(revoked))).toEqual(revoked)),
    );
  });

  test.each<[Revoked, Revoked]>([
    [
      { kind: "mandate", iss: "a", jti: 'b","c' },
      { kind: "mandate", iss: 'a","b', jti: "c" },
    ],
    [
      { kind: "mandate", iss: "a", jti: "b" },
      { kind: "token", iss: "a", jti: "b" },
    ],
    [
      { kind: "agent", name: "a" },
      { kind: "key", thumbprint: "a" },
    ],
    [
      { kind: "issuer", iss: "a" },
      { kind: "issuer", iss: "A" },
    ],
    [{ kind: "tenant" }, { kind: "agent", name: "tenant" }],
  ])("%j is not %j", (one, other) => {
    expect(revokedName(one)).not.toBe(revokedName(other));
  });

  test("every kind has its reason", () => {
    expect(new Set(Object.values(REVOKED)).size).toBe(Object.keys(REVOKED).length);
  });
});

const ada = agentOf("ada-1");
const bob = agentOf("bob-1");
const link = { iss: "https://issuer.example", rootIss: "https://issuer.example", wid: null, iat: 1, exp: 2 };
const root = { ...link, jti: "root", agent: bob.agent };
const mandate: VerifiedMandate = {
  ...link,
  iss: "agent:bob",
  jti: "leaf",
  agent: ada.agent,
  purpose: "test",
  cap: [],
  chain: [root],
  keys: ["issuer-key", "bob-key"],
  digest: "d",
};
const nothing = { endpoint: null, mandate: null, token: null, caller: null };
const names = (...revoked: Revoked[]) => revoked.map(revokedName).sort();
const restsOn = (trail: Partial<Parameters<typeof revocableIn>[0]>) =>
  [...revocableIn({ ...nothing, ...trail })].sort();

describe("a request rests on", () => {
  test("its mandate and each that it was derived from, with their agents, issuers, runs and keys", () => {
    expect(restsOn({ mandate })).toEqual(
      names(
        { kind: "mandate", iss: "https://issuer.example", jti: "root" },
        { kind: "mandate", iss: "agent:bob", jti: "leaf" },
        { kind: "agent", name: "ada" },
        { kind: "agent", name: "bob" },
        { kind: "issuer", iss: "https://issuer.example" },
        { kind: "issuer", iss: "agent:bob" },
        { kind: "run", run: runId(runKey(root)) },
        { kind: "run", run: runId(runKey(mandate)) },
        { kind: "key", thumbprint: "issuer-key" },
        { kind: "key", thumbprint: "bob-key" },
      ),
    );
  });

  test("the keys that it was signed with, and that of its trust domain", () => {
    const caller = {
      signature: { key: ada },
      ect: { key: ada },
      wit: { anchor: { key: { thumbprint: "anchor" } } },
    } as unknown as Caller;
    expect(restsOn({ caller })).toEqual(
      names({ kind: "key", thumbprint: ada.thumbprint }, { kind: "key", thumbprint: "anchor" }),
    );
  });

  test("its access token, the subject, the issuer, its key and the key that it is bound to", () => {
    const token = { iss: "i", sub: "s", jti: "j", key: "of-i", confirmation: "k" } as VerifiedAccessToken;
    expect(restsOn({ token })).toEqual(
      names(
        { kind: "token", iss: "i", jti: "j" },
        { kind: "subject", iss: "i", sub: "s" },
        { kind: "issuer", iss: "i" },
        { kind: "key", thumbprint: "of-i" },
        { kind: "key", thumbprint: "k" },
      ),
    );
  });

  test("the tenant, where it is a call: somebody must be able to lift the emergency stop", () => {
    expect(restsOn({ endpoint: { kind: "mcp" } })).toEqual(names({ kind: "tenant" }));
    expect(restsOn({ endpoint: { kind: "revocations" } })).toEqual([]);
    expect(restsOn({ endpoint: { kind: "receipt", decision: "d" } })).toEqual([]);
  });
});
