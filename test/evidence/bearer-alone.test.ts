import { expect, test } from "vitest";
import { parseCallerEvidence, verifyCaller } from "../../src/evidence/caller.ts";
import {
  ada,
  BODY,
  BODY_SHA256,
  compiled,
  document,
  facts,
  judgeMandate,
  mandate,
  NOW,
  outcome,
  unwrap,
} from "../support/acme.ts";
import { noRemoteKeys } from "../support/agents.ts";

const [first, ...others] = document().agents;
if (first === undefined) throw new Error("the document has agents");
const lenient = await compiled({
  agents: [
    { ...first, keys: [{ jwk: ada.jwk, profile: "poc", lane: 3 }], unsafeBearerOnly: true },
    ...others,
  ],
});

async function verify(by: typeof lenient, headers: Record<string, string> = {}) {
  const bearer = unwrap(await judgeMandate(await mandate(), { by }));
  const read = facts(headers);
  const context = {
    tenant: by,
    facts: read,
    target: by.publicUrl,
    body: BODY,
    bodySha256: BODY_SHA256,
    keys: noRemoteKeys,
    now: NOW,
  };
  return verifyCaller(bearer, parseCallerEvidence(read), context);
}

test("a bearer alone proves its agent where the tenant says so, in the lane of its key", async () => {
  const caller = unwrap(await verify(lenient));
  expect(caller).toMatchObject({ agent: { name: "ada" }, lane: 3, signature: null, ect: null });
});

test("nowhere else", async () => {
  expect(outcome(await verify(await compiled()))).toBe("signature.missing");
});

test("a signature that is there is verified all the same", async () => {
  expect(outcome(await verify(lenient, { signature: "x" }))).toBe("signature.malformed");
});
