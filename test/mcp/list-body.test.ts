import { expect, test } from "vitest";
import { utf8 } from "../../src/encoding.ts";
import { filterListBody } from "../../src/mcp/list-body.ts";
import { fail, ok } from "../../src/result.ts";
import { brokenAfter, handFed, streamOf } from "../support/streams.ts";

const CAP = 200;
const LIST = '{"result":{"tools":[{"name":"é"},{"name":"hidden"}]}}';
const SHOWN = '{"result":{"tools":[{"name":"é"}]}}';

const filter = (body: ReadableStream<Uint8Array>) => filterListBody(body, (tool) => tool === "é", CAP);
const padded = (size: number) => utf8(SHOWN.padEnd(SHOWN.length + size - utf8(SHOWN).length));

test.each<[string, Uint8Array[], string]>([
  ["in one chunk", [utf8(LIST)], SHOWN],
  ["octet by octet", Array.from(utf8(LIST), (octet) => Uint8Array.of(octet)), SHOWN],
  ["nothing to hide", [utf8(SHOWN)], SHOWN],
  ["another answer", [utf8('{"error":{"code":1.0}}')], '{"error":{"code":1.0}}'],
])("filtered: %s", async (_, chunks, expected) => {
  expect(await filter(streamOf(...chunks))).toEqual(ok(utf8(expected)));
});

test("as much as may be held", async () => {
  const body = padded(CAP);
  expect(await filter(streamOf(body.slice(0, 7), body.slice(7)))).toEqual(ok(body));
});

test("one octet more: the rest is not waited for", async () => {
  const fed = handFed();
  fed.push(padded(CAP));
  fed.push(utf8(" "));
  expect(await filter(fed.body)).toEqual(fail("too_large"));
  await fed.cancelled;
});

test.each([
  ["at once", []],
  ["later, even behind a whole list", [utf8(LIST)]],
])("broken off %s", async (_, chunks) => {
  expect(await filter(brokenAfter(...chunks))).toEqual(fail("broken"));
});

test.each([
  ["nothing", utf8("")],
  ["not JSON", utf8(LIST.slice(1))],
  ["a byte order mark", utf8(`\uFEFF${LIST}`)],
  ["not UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
  ["UTF-16", Uint8Array.from([...LIST].flatMap((c) => [c.charCodeAt(0), 0]))],
])("garbage: %s", async (_, body) => {
  expect(await filter(streamOf(body))).toEqual(fail("garbage"));
});
