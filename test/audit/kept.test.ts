import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { factsOf } from "../../src/attempt.ts";
import { insertRecords } from "../../src/audit/d1.ts";
import { keptFields, keptOf } from "../../src/audit/kept.ts";
import { type AuditRecord, digestRecord } from "../../src/audit/record.ts";
import { type Row, recordOf } from "../../src/audit/rows.ts";
import { type JsonObject, parseStrictJson } from "../../src/json/strict-json.ts";
import { outcomeDraft, unknownDraft } from "../../src/ledger/drafts.ts";
import type { Outcome } from "../../src/ledger/protocol.ts";
import { MAX_KEPT_LENGTH } from "../../src/limits.ts";
import type { Message } from "../../src/mcp/message.ts";
import { newTrail } from "../../src/trail.ts";
import { facts } from "../ledger/helpers.ts";
import { tenant, unwrap } from "../support/acme.ts";

/** As the gate reads them: `JSON.parse` and a literal differ in `__proto__`. */
const args = (text: string): JsonObject => unwrap(parseStrictJson(text)) as JsonObject;

const ARGS = args(`{
  "customer": {"id": "c-17", "card": {"number": "4111"}},
  "amount": 12.5, "urgent": false, "note": null, "empty": "",
  "lines": [{"sku": "a"}, {"sku": "b"}, "c", ["d"]],
  "a/b": 1, "m~n": 2, "~1": 3, "": 4, " ": 5, "0": "zero"
}`);

describe("what is kept", () => {
  test.each<[string, unknown]>([
    ["/customer/id", "c-17"],
    ["/amount", 12.5],
    ["/urgent", false],
    ["/note", null],
    ["/empty", ""],
    ["/lines/0/sku", "a"],
    ["/lines/2", "c"],
    ["/lines/3/0", "d"],
    ["/a~1b", 1],
    ["/m~0n", 2],
    ["/~01", 3],
    ["/", 4],
    ["/ ", 5],
    ["/0", "zero"],
  ])("%s", (pointer, value) => {
    expect(keptFields(ARGS, [pointer])).toEqual({ [pointer]: value });
  });

  test("several fields, each under its pointer; what is not there is left out", () => {
    const pointers = ["/amount", "/missing", "/lines/1/sku", "/customer"];
    expect(keptFields(ARGS, pointers)).toEqual({ "/amount": 12.5, "/lines/1/sku": "b" });
  });

  test("a text of the most characters is kept whole, a longer one not at all", () => {
    const whole = "é".repeat(MAX_KEPT_LENGTH);
    expect(keptFields({ text: whole }, ["/text"])).toEqual({ "/text": whole });
    expect(keptFields({ text: `${whole}.` }, ["/text"])).toBeNull();
  });
});

test.each<[string, string]>([
  ["an object", "/customer"],
  ["a list", "/lines"],
  ["all arguments", ""],
  ["what is not there", "/customer/name"],
  ["what is below a text", "/customer/id/0"],
  ["the length of a text", "/customer/id/length"],
  ["the length of a list", "/lines/length"],
  ["the place behind the last element", "/lines/-"],
  ["an element beyond the last", "/lines/4"],
  ["an index with a leading zero", "/lines/00/sku"],
  ["an index with a sign", "/lines/+1/sku"],
  ["an index with a point", "/lines/1.0/sku"],
  ["an index with an exponent", "/lines/1e0/sku"],
  ["an index with spaces", "/lines/ 1/sku"],
  ["a method of lists", "/lines/at"],
  ["a name in another case", "/Amount"],
  ["a pointer without its slash", "amount"],
  ["a URI fragment", "#/amount"],
  ["a pointer with a bad escape", "/a~2b"],
])("never kept: %s", (_, pointer) => {
  expect(keptFields(ARGS, [pointer])).toBeNull();
});

describe("names that objects have by themselves", () => {
  const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "prototype", "valueOf"];

  test("are not there unless the caller sent them", () => {
    for (const name of NAMES) {
      const pointers = [
        `/${name}`,
        `/${name}/name`,
        `/customer/${name}`,
        `/lines/${name}`,
        `/${name}/length`,
      ];
      expect(keptFields(ARGS, pointers)).toBeNull();
    }
  });

  test("are ordinary names where the caller did", () => {
    const sent = args(`{${NAMES.map((name) => `"${name}": {"x": "${name}"}`).join()}}`);
    const pointers = NAMES.map((name) => `/${name}/x`);
    expect(keptFields(sent, pointers)).toEqual(Object.fromEntries(NAMES.map((name) => [`/${name}/x`, name])));
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe("of a message", () => {
  const keep = new Map([["pay", ["/amount"]]]);
  const call = (name: string): Message => ({
    kind: "request",
    id: 1,
    method: "tools/call",
    params: {},
    tool: { name, arguments: { amount: 3 } },
  });

  test("the fields of the tool that it calls", () => {
    expect(keptOf(call("pay"), keep)).toEqual({ "/amount": 3 });
  });

  test("nothing of another tool, of what is no call, or where the tenant names nothing", () => {
    expect(keptOf(call("Pay"), keep)).toBeNull();
    expect(keptOf(call("pay"), new Map())).toBeNull();
    const list: Message = {
      kind: "request",
      id: 1,
      method: "tools/list",
      params: { amount: 3, name: "pay" },
      tool: null,
    };
    expect(keptOf(list, keep)).toBeNull();
    expect(
      keptOf({ kind: "notification", method: "notifications/x", params: { amount: 3 } }, keep),
    ).toBeNull();
    expect(keptOf({ kind: "response" }, keep)).toBeNull();
  });
});

test("an outcome does not say it again, nor one that is written because none came", () => {
  const facts = { ...factsOf(newTrail(0), tenant), kept: { "/amount": 3 } };
  const record = { ...facts, id: "d", kind: "decision", decision: "d" } as unknown as AuditRecord;
  expect(unknownDraft(record).kept).toBeNull();
  expect(outcomeDraft({ decision: "d", facts } as unknown as Outcome).kept).toBeNull();
});

test("what is kept comes back from D1 as it went in, so that the record has its digest", async () => {
  const kept = {
    "/large": 1e21,
    "/small": 5e-324,
    "/most": Number.MAX_VALUE,
    "/tenth": 0.1,
    "/zero": 0,
    "/text": '\u0000 \u2028 \ud83e\udded " \\',
    "/null": null,
    "/false": false,
  };
  const record = { ...facts({ tenant: "kept", kept }), id: "kept", kind: "decision", decision: "kept" };
  const rest = { v: 3, chain: "kept", seq: 1, time: 1, verdict: "admitted", prev_hash: "p", hash: "h" };
  const none = { reason: null, status: null, run: null, evidence: null, execution: null };
  const whole = {
    ...record,
    ...rest,
    ...none,
    output_hash: null,
    delivered_hash: null,
    latency_ms: null,
    digest: "",
  };
  const written = whole as unknown as AuditRecord;
  const text = JSON.stringify({ ...written, digest: await digestRecord(written) });
  expect(await insertRecords(env.AUDIT, [text])).toEqual([]);
  const row = await env.AUDIT.prepare("SELECT * FROM audit_records WHERE id = 'kept'").first<Row>();
  const read = row && recordOf(row);
  expect(read?.kept).toEqual(kept);
  expect(read && (await digestRecord(read))).toBe(read?.digest);
});
