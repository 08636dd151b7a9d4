import { beforeAll, describe, expect, test } from "vitest";
import type { FindAgentKey } from "../../../src/evidence/agent-key.ts";
import { component } from "../../../src/evidence/http-signature/fields.ts";
import { makeSignature } from "../../../src/evidence/http-signature/sign.ts";
import { lastAcceptable } from "../../../src/evidence/http-signature/times.ts";
import { CLOCK_SKEW, MAX_ECT_AGE, MAX_SIGNATURE_WINDOW } from "../../../src/limits.ts";
import { fail } from "../../../src/result.ts";
import { keysIn } from "../../support/agents.ts";
import {
  AGENT_COMPONENTS,
  agentKey,
  NOW,
  outcome,
  parameters,
  pocContext,
  pocSigning,
  request,
  type Signed,
  sign,
  verify,
} from "./helpers.ts";

const both = (a: Signed, b: Signed): Signed => ({
  signatureInput: `${a.signatureInput}, ${b.signatureInput}`,
  signature: `${a.signature}, ${b.signature}`,
});
const relabel = (signed: Signed, label: string): Signed => ({
  signatureInput: signed.signatureInput.replace(/^[a-z0-9]+=/, `${label}=`),
  signature: signed.signature.replace(/^[a-z0-9]+=/, `${label}=`),
});
const FOREIGN: Signed = {
  signatureInput: 'other=("@nonsense" "x-absent";bs;what "@status");created=1;keyid="elsewhere";alg="new"',
  signature: "other=:AQID:",
};

test("a good signature gives what was verified", async () => {
  const message = await request();
  const result = await verify(message, await sign(message));
  expect(result).toMatchObject({
    ok: true,
    value: {
      profile: "agent",
      nonce: "n-1",
      created: NOW,
      expires: NOW + 60,
      lastAcceptable: NOW + 60 + CLOCK_SKEW,
    },
  });
  if (!result.ok) throw new Error(result.error);
  expect(result.value.key.kid).toBe("ed25519");
  expect([...result.value.covers]).toEqual(AGENT_COMPONENTS.map((name) => `"${name}"`));
});

describe("selection", () => {
  let message: Awaited<ReturnType<typeof request>>;
  let good: Signed;
  beforeAll(async () => {
    message = await request();
    good = await sign(message);
  });

  test("labels mean nothing", async () => {
    expect(outcome(await verify(message, relabel(good, "wimse")))).toBe("ok");
    expect(outcome(await verify(message, both(relabel(FOREIGN, "sig"), relabel(good, "other"))))).toBe("ok");
  });
  test("another's signature is not resolved, wherever it stands", async () => {
    expect(outcome(await verify(message, both(FOREIGN, good)))).toBe("ok");
    expect(outcome(await verify(message, both(good, FOREIGN)))).toBe("ok");
  });
  test("another's, of which no source can tell whose it is, stands in nobody's way", async () => {
    const own = keysIn(await agentKey("ed25519", "agent"));
    const findKey: FindAgentKey = async (wanted) =>
      wanted.kid === "elsewhere" ? fail("keys.unavailable") : own(wanted);
    expect(outcome(await verify(message, both(FOREIGN, good), { findKey }))).toBe("ok");
    expect(outcome(await verify(message, both(good, FOREIGN), { findKey }))).toBe("ok");
    expect(outcome(await verify(message, FOREIGN, { findKey }))).toBe("keys.unavailable");
  });
  test("another's alone is no signature of ours", async () => {
    expect(outcome(await verify(message, FOREIGN))).toBe("signature.key_unknown");
  });
  test("bad and good, in both orders, by one key", async () => {
    const bad = { ...relabel(good, "bad"), signature: `bad=:${btoa("x".repeat(64))}:` };
    expect(outcome(await verify(message, both(bad, good)))).toBe("signature.not_one");
    expect(outcome(await verify(message, both(good, bad)))).toBe("signature.not_one");
  });
  test("an attacker's own valid signature beside a captured one", async () => {
    const findKey = keysIn(await agentKey("ed25519", "agent"), await agentKey("p256", "agent"));
    const own = await sign(message, { key: "p256", label: "own" });
    expect(outcome(await verify(message, own, { findKey }))).toBe("ok");
    expect(outcome(await verify(message, both(good, own), { findKey }))).toBe("signature.not_one");
  });
  test.each([
    ["missing", undefined],
    ["unknown", "nobody"],
    ["of another type", 1],
    ["in another case", "ED25519"],
  ])("keyid %s", async (_, keyid) => {
    const signed = await sign(message, { parameters: { keyid } });
    expect(outcome(await verify(message, signed))).toBe("signature.key_unknown");
  });
});

describe("algorithm", () => {
  test.each([
    ["that of the key", "ed25519", "ok"],
    ["that of another key", "ecdsa-p256-sha256", "signature.alg"],
    ["a shared secret", "hmac-sha256", "signature.alg"],
    ["the JOSE name", "EdDSA", "signature.alg"],
    ["of another type", true, "signature.alg"],
  ])("alg is %s", async (_, alg, expected) => {
    const message = await request();
    expect(outcome(await verify(message, await sign(message, { parameters: { alg } })))).toBe(expected);
  });
  test("a key of an algorithm without table entry", async () => {
    const key = { ...(await agentKey("ed25519", "agent")), alg: "RS256" } as const;
    const message = await request();
    const findKey = keysIn(key);
    expect(outcome(await verify(message, await sign(message), { findKey }))).toBe("signature.alg");
  });
  test.each([0, 63, 65, 128])("a signature of %i octets", async (length) => {
    const message = await request();
    const signed = { ...(await sign(message)), signature: `sig=:${btoa("x".repeat(length))}:` };
    expect(outcome(await verify(message, signed))).toBe("signature.mismatch");
  });
  test("a public key used as shared secret", async () => {
    const { key } = await agentKey("ed25519", "agent");
    const raw = await crypto.subtle.exportKey("raw", key);
    if (!(raw instanceof ArrayBuffer)) throw new Error("a raw key is octets");
    const hmac = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-512" }, false, [
      "sign",
    ]);
    const message = await request();
    const forge = (alg: string | undefined) =>
      makeSignature(message, {
        components: AGENT_COMPONENTS.map((name) => component(name)),
        parameters: parameters({ alg }),
        label: "sig",
        sign: async (base) => new Uint8Array(await crypto.subtle.sign("HMAC", hmac, base)),
      });
    expect(outcome(await verify(message, await forge(undefined)))).toBe("signature.mismatch");
    expect(outcome(await verify(message, await forge("hmac-sha256")))).toBe("signature.alg");
  });
  test("ES256 with the agent profile", async () => {
    const message = await request();
    const findKey = keysIn(await agentKey("p256", "agent"));
    expect(outcome(await verify(message, await sign(message, { key: "p256" }), { findKey }))).toBe("ok");
  });
});

describe("time", () => {
  const at = (created: number, expires: number | undefined) => ({ created, expires });
  test.each([
    ["last good second of the future", at(NOW + CLOCK_SKEW, NOW + 60), "ok"],
    ["first bad second of the future", at(NOW + CLOCK_SKEW + 1, NOW + 60), "signature.in_future"],
    ["far future", at(NOW + 10 ** 9, NOW + 10 ** 9 + 1), "signature.in_future"],
    ["last good second", at(NOW - 100, NOW - CLOCK_SKEW), "ok"],
    ["first bad second", at(NOW - 100, NOW - CLOCK_SKEW - 1), "signature.expired"],
    ["longest window", at(NOW, NOW + MAX_SIGNATURE_WINDOW), "ok"],
    ["window too long", at(NOW, NOW + MAX_SIGNATURE_WINDOW + 1), "signature.window"],
    ["expires at created", at(NOW, NOW), "ok"],
    ["expires before created", at(NOW, NOW - 1), "signature.window"],
  ])("agent: %s", async (_, changes, expected) => {
    const message = await request();
    expect(outcome(await verify(message, await sign(message, { parameters: changes })))).toBe(expected);
  });

  const oldest = NOW - MAX_ECT_AGE - CLOCK_SKEW;
  test.each([
    ["last good second", at(oldest, undefined), "ok"],
    ["first bad second", at(oldest - 1, undefined), "signature.expired"],
    ["expires counts when sent", at(NOW - 100, NOW - CLOCK_SKEW - 1), "signature.expired"],
    ["window too long", at(NOW, NOW + MAX_SIGNATURE_WINDOW + 1), "signature.window"],
    ["future", at(NOW + CLOCK_SKEW + 1, undefined), "signature.in_future"],
  ])("poc: %s", async (_, changes, expected) => {
    const message = await request();
    const signed = await sign(message, pocSigning(changes));
    expect(outcome(await verify(message, signed, await pocContext()))).toBe(expected);
  });

  test("lastAcceptable is from signed values and constants", () => {
    expect(lastAcceptable(1000, 1060)).toBe(1060 + CLOCK_SKEW);
    expect(lastAcceptable(1000, null)).toBe(1000 + MAX_ECT_AGE + CLOCK_SKEW);
  });
});

describe("values that cannot be signed", () => {
  test.each([
    ["line end and a forged line", 'ect\n"@method": GET'],
    ["UTF-8", "caf\u00e9"],
    ["invalid octets", "\ufffd"],
  ])("%s", async (_, value) => {
    const signed = await sign(await request());
    expect(outcome(await verify(await request({ "wimse-ect": value }), signed))).toBe("signature.component");
  });
  test("a header line named @method is not the method", async () => {
    const signed = await sign(await request({}, { method: "GET" }));
    const disguised = await request({ "@method": "GET" });
    expect(outcome(await verify(disguised, signed))).toBe("signature.mismatch");
  });
});

describe("raw targets verify as sent and only so", () => {
  test.each([
    ["/a/../b/%2e%2e/c?x=1", "/c?x=1"],
    ["/p?x='", "/p?x=%27"],
    ["//a", "/a"],
    ["/%7Efoo", "/~foo"],
    ["/p?", "/p"],
  ])("%s is not %s", async (sent, normalised) => {
    const raw = await request({}, { targetUri: `https://mcp.example${sent}` });
    const signed = await sign(raw);
    expect(outcome(await verify(raw, signed))).toBe("ok");
    const other = await request({}, { targetUri: `https://mcp.example${normalised}` });
    expect(outcome(await verify(other, signed))).toBe("signature.mismatch");
  });
});

test("identity does not come from text: another spelling verifies and gives the same nonce", async () => {
  const message = await request();
  const signed = await sign(message);
  const respelt = {
    signatureInput: signed.signatureInput.replaceAll('" "', '"   "'),
    signature: signed.signature.replace("==:", ":"),
  };
  expect(respelt.signature).not.toBe(signed.signature);
  const [first, second] = [await verify(message, signed), await verify(message, respelt)];
  if (!first.ok || !second.ok) throw new Error("must verify");
  expect(second.value).toEqual(first.value);
});

test("ECDSA: (r, n-s) verifies too and gives the same nonce", async () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const message = await request();
  const signed = await sign(message, pocSigning({ nonce: "once" }));
  const bytes = Uint8Array.from(atob(signed.signature.slice(5, -1)), (c) => c.charCodeAt(0));
  const hex = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  const mirrored = hex.slice(0, 64) + (order - BigInt(`0x${hex.slice(64)}`)).toString(16).padStart(64, "0");
  const octets = String.fromCharCode(
    ...(mirrored.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)),
  );
  const result = await verify(message, { ...signed, signature: `sig=:${btoa(octets)}:` }, await pocContext());
  expect(result).toMatchObject({ ok: true, value: { nonce: "once" } });
});
