import { describe, expect, test } from "vitest";
import { sha256, utf8 } from "../../../src/encoding.ts";
import { checkContentDigest, contentDigest } from "../../../src/evidence/http-signature/content-digest.ts";
import { MAX_SIGNATURE_FIELD_BYTES } from "../../../src/limits.ts";

const HELLO = '{"hello": "world"}';
// RFC 9530, "Sample Digest Values" (without line end) and Appendix B (with one).
const SHA256 = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
const SHA256_LF = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
// RFC 9421 appendix B.2.
const SHA512 =
  "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
const EMPTY = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";

async function outcome(header: string | undefined, text: string): Promise<string> {
  const body = utf8(text);
  const result = await checkContentDigest(header, body, await sha256(body));
  return result.ok ? "ok" : result.error;
}

describe("published values", () => {
  test.each([
    ["sha-256", SHA256, HELLO],
    ["sha-256 with line end", SHA256_LF, `${HELLO}\n`],
    ["sha-512", SHA512, HELLO],
    ["both", `${SHA512}, ${SHA256}`, HELLO],
    ["empty body", EMPTY, ""],
    ["unknown algorithm beside", `crc32c=:AAAAAA==:, ${SHA256}, new=1`, HELLO],
    ["parameter, which is ignored", `${SHA256};x=1`, HELLO],
  ])("%s", async (_, header, body) => expect(await outcome(header, body)).toBe("ok"));
});

test.each([
  ["other body", SHA256, `${HELLO} `],
  ["line end removed", SHA256_LF, HELLO],
  ["sha-512 of another body", SHA512, "x"],
  ["right sha-256, wrong sha-512", `${SHA256}, ${SHA512.replace("WZ", "ZW")}`, HELLO],
  ["wrong sha-256, right sha-512", `${SHA256_LF}, ${SHA512}`, HELLO],
  ["body added", EMPTY, "x"],
  ["body removed", SHA256, ""],
])("mismatch: %s", async (_, header, body) => expect(await outcome(header, body)).toBe("digest.mismatch"));

test.each([
  ["empty", ""],
  ["only deprecated algorithms", "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:, sha=:2jmj7l5rSw0yVb/vlWAYkK/YBwk=:"],
  ["only unknown algorithms", "sha-999=:AAAA:"],
  ["upper case", SHA256.replace("sha", "SHA")],
  ["twice", `${SHA256}, ${SHA256}`],
  ["twice, the right one last", `${SHA256_LF}, ${SHA256}`],
  ["String", 'sha-256="X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="'],
  ["Inner List", "sha-256=(:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:)"],
  ["bare", "sha-256"],
  ["too short", "sha-256=:AAAA:"],
  ["64 octets as sha-256", SHA512.replace("512", "256")],
  ["right sha-256 beside a sha-512 of another length", `${SHA256}, sha-512=:AAAA:`],
  ["too much padding", SHA256.replace("=:", "==:")],
  ["base64url", "sha-256=:RK_0qy18MlBSVnWgjwz6lZEWjP_lF5HF9bvEF8FabDg=:"],
  ["larger than is read", `${SHA256}, x="${"x".repeat(MAX_SIGNATURE_FIELD_BYTES)}"`],
  ["larger than is read, of octets alone", `${SHA256}, x=:${"A".repeat(MAX_SIGNATURE_FIELD_BYTES)}:`],
])("malformed: %s", async (_, header) => expect(await outcome(header, HELLO)).toBe("digest.malformed"));

test("without the field only an empty body passes", async () => {
  expect(await outcome(undefined, HELLO)).toBe("digest.missing");
  expect(await outcome(undefined, "")).toBe("ok");
});

test("contentDigest makes the published value", async () => {
  expect(await contentDigest(utf8(HELLO))).toBe(SHA256);
  expect(await contentDigest(utf8(""))).toBe(EMPTY);
});
