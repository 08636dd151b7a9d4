import { expect, test } from "vitest";
import { Digest } from "../../src/bytes/digest.ts";
import { sha256, toBase64url, utf8 } from "../../src/encoding.ts";

test.each<[string, string[]]>([
  ["nothing", []],
  ["nothing in one piece", [""]],
  ["one piece", ["whole"]],
  ["two pieces", ["wh", "ole"]],
  ["many pieces, some empty", ["", "w", "", "hol", "e", ""]],
])("%s", async (_, pieces) => {
  const digest = new Digest();
  for (const piece of pieces) await digest.push(utf8(piece));
  expect(await digest.end()).toBe(toBase64url(await sha256(utf8(pieces.join("")))));
});

test.each([0, 1, 3])("abandoned after %i pieces, it leaves nothing that rejects", async (count) => {
  const digest = new Digest();
  for (let i = 0; i < count; i++) await digest.push(utf8("piece"));
  await digest.abandon();
});
