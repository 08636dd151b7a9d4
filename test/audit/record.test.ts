import { describe, expect, test } from "vitest";
import { digestRecord, GENESIS, linkHash, type Unhashed } from "../../src/audit/record.ts";
import { toBase64url, utf8 } from "../../src/encoding.ts";

const record: Unhashed = {
  v: 3,
  id: "decision-1",
  kind: "decision",
  decision: "decision-1",
  tenant: "acme",
  revision: "rev",
  chain: "incarnation",
  seq: 1,
  time: 2_000_000_000_000,
  verdict: "admitted",
  reason: null,
  principal: "agent:scout",
  mandate: '["https://issuer.example","m"]',
  run: '["jti","https://issuer.example","m"]',
  method: "tools/call",
  tool: "search",
  action: "mcp.search",
  input_hash: "in",
  output_hash: null,
  delivered_hash: null,
  status: null,
  latency_ms: null,
  count: null,
  kept: null,
  evidence: null,
  execution: null,
  checks: ["mandate", "signature.agent"],
};

/** What anybody can compute without our code: for a flat object of short texts RFC 8785 is JSON with sorted names. */
async function independentHash(value: object): Promise<string> {
  const sorted = Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  const bytes = utf8(`countersign-audit-record-v3\n${JSON.stringify(sorted)}`);
  return toBase64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

describe("the digest of a record", () => {
  test("is SHA-256 over the domain and the canonical form", async () => {
    expect(await digestRecord(record)).toBe(await independentHash(record));
    expect(await digestRecord(record)).toBe("bznt_qso6_VtSIPD87d1tLDWcYJDAsST4c-LUG5DALI");
  });

  test("does not depend on the order of the members", async () => {
    const reversed = Object.fromEntries(Object.entries(record).reverse()) as typeof record;
    expect(await digestRecord(reversed)).toBe(await digestRecord(record));
  });

  test.each(Object.keys(record) as (keyof typeof record)[])("covers %s", async (name) => {
    const value = record[name];
    const other = name === "checks" ? ["mandate"] : typeof value === "number" ? value + 1 : `${value ?? ""}x`;
    expect(await digestRecord({ ...record, [name]: other })).not.toBe(await digestRecord(record));
  });

  test("tells null from an empty text, and one check from two", async () => {
    const hashes = await Promise.all([
      digestRecord(record),
      digestRecord({ ...record, tool: null }),
      digestRecord({ ...record, tool: "" }),
      digestRecord({ ...record, tool: "null" }),
      digestRecord({ ...record, checks: ["mandate,signature.agent"] }),
      digestRecord({ ...record, checks: [] }),
    ]);
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

test("the first record has a predecessor of 32 zero bytes", () => {
  expect(GENESIS).toBe("A".repeat(43));
});

test("a hash is over the hash before it and the digest alone", async () => {
  const digest = await digestRecord(record);
  const bytes = utf8(`countersign-audit-link-v2\n${GENESIS}\n${digest}`);
  const expected = toBase64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  expect(await linkHash(GENESIS, digest)).toBe(expected);
  expect(await linkHash(digest, digest)).not.toBe(expected);
});
