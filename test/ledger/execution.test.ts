import { expect, test } from "vitest";
import type { Attempt, Claim } from "../../src/ledger/protocol.ts";
import { attempt, claim, mandate, newLedger, setClock, step, T, unique, useClock } from "./helpers.ts";

useClock();

const attestation = (changes: Partial<Claim> = {}): Claim =>
  claim({ kind: "attestation", lastAcceptable: T + 90, ...changes });

const BLOCKED = ["a decision", "a receipt"];

/** A call that is attested, and expected to be admitted or, with a denial, refused. */
function attested(shown: Claim, changes: Partial<Attempt> = {}): Attempt {
  const root = mandate();
  const execution = changes.denial ? BLOCKED : ["a decision"];
  return attempt({ mandate: root, step: step(root), claims: [shown], execution, ...changes });
}

/** What the journal keeps of the last of these. */
async function kept(...asked: readonly Attempt[]): Promise<readonly string[] | null | undefined> {
  const ledger = newLedger();
  for (const one of asked) await ledger.decide(one);
  return (await ledger.journal()).find(({ id }) => id === asked.at(-1)?.decision)?.execution;
}

test("what was expected is kept", async () => {
  expect(await kept(attested(attestation()))).toEqual(["a decision"]);
  expect(await kept(attested(attestation(), { denial: "policy.tenant_suspended" }))).toEqual(BLOCKED);
});

test("after a refusal the attestation is still free: both are kept", async () => {
  const shown = attestation();
  const refused = attested(shown, { denial: "policy.tenant_suspended" });
  expect(await kept(refused, attested(shown))).toEqual(["a decision"]);
  expect(await kept(refused, attested(shown, { denial: "capability.missing" }))).toEqual(BLOCKED);
});

test("what the ledger rules otherwise is not", async () => {
  const shown = attestation();
  expect(await kept(attested(shown), attested(shown))).toBeNull();
  const late = mandate({ exp: T - 3600 });
  expect(await kept(attested(attestation(), { mandate: late, step: null }))).toBeNull();
});

test("of an attestation that was used, nothing, whatever the call is refused for", async () => {
  const shown = attestation();
  for (const denial of ["policy.tenant_suspended", "attestation.hash_only_mismatch"] as const) {
    expect(await kept(attested(shown), attested(shown, { denial }))).toBeNull();
    expect(await kept(attested(shown), attested(shown, { denial, step: null }))).toBeNull();
    // The step has no place in a run.
    const root = mandate();
    const rootless = step(root, { jti: root.jti });
    expect(
      await kept(attested(shown), attested(shown, { denial, mandate: root, step: rootless })),
    ).toBeNull();
  }
});

test("of an attestation that may have been used and is forgotten, nothing", async () => {
  setClock(T + 91);
  expect(await kept(attested(attestation(), { denial: "policy.tenant_suspended" }))).toBeNull();
});

test("nor of a signature that was captured, whose attestation is free", async () => {
  const nonce = claim({ key: unique("nonce") });
  const first = attempt({ mandate: mandate(), claims: [nonce] });
  const denied = attested(attestation(), { denial: "policy.tenant_suspended", step: null });
  expect(await kept(first, { ...denied, claims: [nonce, ...denied.claims] })).toBeNull();
});
