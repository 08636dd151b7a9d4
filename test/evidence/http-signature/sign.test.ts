import { expect, test } from "vitest";
import { component } from "../../../src/evidence/http-signature/fields.ts";
import type { SignedRequest } from "../../../src/evidence/http-signature/message.ts";
import { makeSignature } from "../../../src/evidence/http-signature/sign.ts";
import { request, signerOf } from "./helpers.ts";

// RFC 9421 appendix B.2.6: Ed25519 is deterministic, so the published signature itself must come out.
test("makes the published signature", async () => {
  const message: SignedRequest = {
    kind: "request",
    method: "POST",
    targetUri: "https://example.com/foo?param=Value&Pet=dog",
    headers: new Map([
      ["date", "Tue, 20 Apr 2021 02:07:55 GMT"],
      ["content-type", "application/json"],
      ["content-length", "18"],
    ]),
  };
  const names = ["date", "@method", "@path", "@authority", "content-type", "content-length"];
  const signed = await makeSignature(message, {
    components: names.map((name) => component(name)),
    parameters: new Map<string, string | number>([
      ["created", 1618884473],
      ["keyid", "test-key-ed25519"],
    ]),
    label: "sig-b26",
    sign: await signerOf("ed25519"),
  });
  expect(signed).toEqual({
    signatureInput:
      'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length")' +
      ';created=1618884473;keyid="test-key-ed25519"',
    signature:
      "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
  });
});

test.each([
  ["absent header", "x-absent", "sig"],
  ["unknown derived component", "@unknown", "sig"],
  ["label that is no key", "@method", "Sig 1"],
])("throws on an %s", async (_, name, label) => {
  const options = {
    components: [component(name)],
    parameters: new Map(),
    label,
    sign: await signerOf("ed25519"),
  };
  await expect(makeSignature(await request(), options)).rejects.toThrow();
});
