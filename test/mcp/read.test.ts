import { describe, expect, test } from "vitest";
import { utf8 } from "../../src/encoding.ts";
import type { Facts } from "../../src/facts.ts";
import { idOf, methodOf, readMessage } from "../../src/mcp/read.ts";
import type { Reason } from "../../src/reasons.ts";
import { facts, unwrap } from "../support/acme.ts";
import { brokenAfter, streamOf } from "../support/streams.ts";

const JSON_TYPE = { "content-type": "application/json" };
const PING = '{"jsonrpc":"2.0","id":"a","method":"ping"}';

const post = (text: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) =>
  facts(headers, { body: streamOf(typeof text === "string" ? utf8(text) : text) });

async function judge(request: Facts, maxBytes = 1000): Promise<string> {
  const result = await readMessage(request, maxBytes);
  return result.ok ? result.value.message.kind : result.error.reason;
}

describe("the HTTP method", () => {
  test.each<[string, string]>([
    ["GET", "stream"],
    ["DELETE", "session-end"],
    ["PUT", "message.http_method"],
    ["PATCH", "message.http_method"],
    ["HEAD", "message.http_method"],
    ["OPTIONS", "message.http_method"],
    ["post", "message.http_method"],
    ["PROPFIND", "message.http_method"],
  ])("%s", async (method, expected) => {
    expect(await judge(facts({}, { method }))).toBe(expected);
  });

  test.each(["GET", "DELETE"])("%s takes no body", async (method) => {
    expect(await judge(facts({}, { method, body: streamOf(utf8("x")) }))).toBe("message.unexpected_body");
    expect(await judge(facts({}, { method, body: streamOf() }))).not.toBe("message.unexpected_body");
    expect(await judge(facts({}, { method, body: brokenAfter() }))).toBe("message.body_broken");
  });
});

describe("content type and coding", () => {
  test.each<[string, string | null]>([
    ["application/json", null],
    ["Application/JSON", null],
    ["application/json; charset=utf-8", null],
    ['application/json;charset="UTF-8"', null],
    ["application/json ; charset=utf-8 ", null],
    ["application/json; charset=utf-16", "message.content_type"],
    ["application/json; charset=iso-8859-1", "message.content_type"],
    ["application/json-rpc", "message.content_type"],
    ["application/json, text/plain", "message.content_type"],
    ["application/json, application/json", "message.content_type"],
    ["text/json", "message.content_type"],
    ["text/plain", "message.content_type"],
    ["application/x-www-form-urlencoded", "message.content_type"],
    ["", "message.content_type"],
  ])("Content-Type: %s", async (type, fault) => {
    expect(await judge(post(PING, { "content-type": type }))).toBe(fault ?? "request");
  });

  test("no Content-Type", async () => {
    expect(await judge(post(PING, {}))).toBe("message.content_type");
  });

  test.each<[string, string | null]>([
    ["identity", null],
    ["gzip", "message.content_encoding"],
    ["br", "message.content_encoding"],
    ["identity, gzip", "message.content_encoding"],
    ["", "message.content_encoding"],
  ])("Content-Encoding: %s", async (coding, fault) => {
    expect(await judge(post(PING, { ...JSON_TYPE, "content-encoding": coding }))).toBe(fault ?? "request");
  });
});

describe("the body", () => {
  const invalid: [string, number[]][] = [
    ["a stray octet", [0x22, 0xff, 0x22]],
    ["an overlong form", [0x22, 0xc0, 0xaf, 0x22]],
    ["half a character", [0x22, 0xe2, 0x82]],
    ["a surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["a byte order mark", [0xef, 0xbb, 0xbf, 0x7b, 0x7d]],
    ["UTF-16", [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ];
  test.each(invalid)("%s is not UTF-8 as we take it", async (_, octets) => {
    expect(await judge(post(new Uint8Array(octets)))).toBe("message.not_utf8");
  });

  test.each<[string, Facts, Reason]>([
    ["none", facts(JSON_TYPE), "message.empty"],
    ["empty", post(""), "message.empty"],
    ["too large", post(PING.padEnd(1001)), "message.too_large"],
    ["broken off", facts(JSON_TYPE, { body: brokenAfter(utf8(PING)) }), "message.body_broken"],
  ])("%s", async (_, request, expected) => {
    expect(await judge(request)).toBe(expected);
  });

  test("is kept as it came, white space and all", async () => {
    const text = ` ${PING}\n`;
    const received = unwrap(await readMessage(post(text), 1000));
    expect(received.body).toEqual(utf8(text));
    expect(received.text).toBe(text);
    expect(idOf(received.message)).toBe("a");
    expect(methodOf(received.message)).toBe("ping");
  });
});

test("a mirrored header that disagrees is refused, with the id and method of the request", async () => {
  const result = await readMessage(post(PING, { ...JSON_TYPE, "mcp-method": "tools/list" }), 1000);
  expect(result).toEqual({
    ok: false,
    error: { reason: "message.header_mismatch", id: "a", method: "ping" },
  });
});

test("messages without an id or a method", () => {
  expect(idOf({ kind: "notification", method: "x", params: {} })).toBeNull();
  expect(methodOf({ kind: "notification", method: "x", params: {} })).toBe("x");
  for (const kind of ["response", "stream", "session-end"] as const) {
    expect(idOf({ kind })).toBeNull();
    expect(methodOf({ kind })).toBeNull();
  }
});
