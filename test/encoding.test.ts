import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { equalBytes, fromBase64url, fromUtf8, randomId, sha256, toBase64url, utf8 } from "../src/encoding.ts";

describe("base64url", () => {
  test.each<[string, number[]]>([
    ["", []],
    ["AA", [0]],
    ["AAA", [0, 0]],
    ["AAAA", [0, 0, 0]],
    ["_-8", [0xff, 0xef]],
    ["Zm9v", [0x66, 0x6f, 0x6f]],
  ])("%s", (text, octets) => {
    expect(fromBase64url(text)).toEqual(new Uint8Array(octets));
    expect(toBase64url(new Uint8Array(octets))).toBe(text);
  });

  test.each([
    ["padding", "AA=="],
    ["one pad", "AAA="],
    ["a pad alone", "="],
    ["an impossible length", "A"],
    ["another one", "AAAAA"],
    ["unused bits in two", "AB"],
    ["unused bits in three", "AAB"],
    ["plus", "+AAA"],
    ["slash", "/AAA"],
    ["a space", "AA AA"],
    ["a space at its end", "AAAA "],
    ["a line feed", "AAAA\n"],
    ["a full stop", "AA.AA"],
    ["not ASCII", "AA\u0410A"],
    ["a NUL", "AAA\0"],
  ])("refuses %s", (_, text) => {
    expect(fromBase64url(text)).toBeNull();
  });

  test("every octet string has one spelling, and every other text none", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromBase64url(toBase64url(bytes))).toEqual(bytes);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."AB-_+/= 09az") }), (text) => {
        const bytes = fromBase64url(text);
        if (bytes !== null) expect(toBase64url(bytes)).toBe(text);
      }),
    );
  });
});

describe("UTF-8", () => {
  test.each<[string, number[]]>([
    ["a stray octet", [0x80]],
    ["half a character", [0xe2, 0x82]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
  ])("refuses %s", (_, octets) => {
    expect(fromUtf8(new Uint8Array(octets))).toBeNull();
  });

  test("keeps a byte order mark, and is the inverse of utf8", () => {
    expect(fromUtf8(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]))).toBe("\uFEFFa");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(fromUtf8(utf8(text))).toBe(text);
      }),
    );
  });
});

test("sha256 of nothing and of abc (FIPS 180-4 examples)", async () => {
  expect(toBase64url(await sha256(utf8("")))).toBe("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
  expect(toBase64url(await sha256(utf8("abc")))).toBe("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
});

test.each([
  [[], [], true],
  [[1], [1], true],
  [[1], [2], false],
  [[1, 2], [1], false],
  [[1], [1, 2], false],
  [[0], [], false],
] as const)("equalBytes %j %j: %s", (a, b, expected) => {
  expect(equalBytes(new Uint8Array(a), new Uint8Array(b))).toBe(expected);
});

test("random ids have 128 bits and differ", () => {
  const ids = Array.from({ length: 100 }, randomId);
  for (const id of ids) expect(fromBase64url(id)?.length).toBe(16);
  expect(new Set(ids).size).toBe(100);
});
