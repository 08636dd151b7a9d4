/** What is sealed, and what is bound into it. */

import { describe, expect, test } from "vitest";
import { type Approver, approverCookie, formToken, readApprover } from "../../src/approval/approver.ts";
import { type ApprovedCall, approvalDigest, withoutMeta } from "../../src/approval/digest.ts";
import { seal, unseal } from "../../src/approval/seal.ts";
import { type ApprovalView, openView, sealView, type ViewBinding } from "../../src/approval/view.ts";
import { toBase64url } from "../../src/encoding.ts";
import { isObject, parseStrictJson } from "../../src/json/strict-json.ts";
import {
  APPROVER_SESSION,
  MAX_APPROVAL_ROLES,
  MAX_APPROVAL_VIEW_BYTES,
  MAX_APPROVER_LENGTH,
} from "../../src/limits.ts";
import { readSessionKeys, type SessionKeys } from "../../src/session/keys.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";

const secret = (byte: number): string => toBase64url(new Uint8Array(32).fill(byte));

async function keysOf(text: string): Promise<SessionKeys> {
  const keys = await readSessionKeys(text);
  if (keys === null) throw new Error("no session keys");
  return keys;
}

const KEYS = await keysOf(`k1:${secret(1)}`);
const NOW = 2_000_000_000;

const CALL: ApprovedCall = {
  run: '["jti","https://issuer.example","m1"]',
  principal: "agent:reader",
  tool: "pay",
  params: { name: "pay", arguments: { to: "bob", amount: 10 } },
};

describe("the digest of a call", () => {
  test.each<[string, Partial<ApprovedCall>]>([
    ["another run", { run: '["jti","https://issuer.example","m2"]' }],
    ["no run", { run: null }],
    ["another principal", { principal: "agent:writer" }],
    ["another tool", { tool: "pay2" }],
    ["another argument", { params: { name: "pay", arguments: { to: "bob", amount: 11 } } }],
    ["an argument of another type", { params: { name: "pay", arguments: { to: "bob", amount: "10" } } }],
    ["one argument more", { params: { name: "pay", arguments: { to: "bob", amount: 10, memo: null } } }],
    ["another param", { params: { ...CALL.params, task: { ttl: 1 } } }],
    ["no arguments", { params: { name: "pay" } }],
    ["empty arguments", { params: { name: "pay", arguments: {} } }],
    [
      "run and principal that only join alike",
      { run: '["jti","https://issuer.example","m1"]agent', principal: ":reader" },
    ],
  ])("is another one with %s", async (_, changes) => {
    expect(await approvalDigest({ ...CALL, ...changes })).not.toBe(await approvalDigest(CALL));
  });

  test("is the same whatever the order of members, and whatever _meta says", async () => {
    const params = { arguments: { amount: 10, to: "bob" }, _meta: { progressToken: 1 }, name: "pay" };
    expect(await approvalDigest({ ...CALL, params: withoutMeta(params) })).toBe(await approvalDigest(CALL));
  });

  const read = async (text: string): Promise<string> => {
    const json = parseStrictJson(text);
    if (!json.ok || !isObject(json.value)) throw new Error("no object");
    return approvalDigest({ ...CALL, params: json.value });
  };

  test("is the same however the same values are written, and goes by characters, not by looks", async () => {
    expect(await read('{"a":1.0,"b":"\\u0041\\/","c":[1e2]}')).toBe(
      await read('{"c":[100], "b":"A/","a":1}'),
    );
    expect(await read('{"a":"\u00e9"}')).not.toBe(await read('{"a":"e\u0301"}'));
    expect(await read('{"__proto__":{"to":"eve"}}')).not.toBe(await read("{}"));
    expect(await read('{"a":{}}')).not.toBe(await read('{"a":{"__proto__":1}}'));
  });

  test("leaves out no other _meta than that of the params", () => {
    const params = { name: "pay", arguments: { _meta: { to: "eve" } } };
    expect(withoutMeta(params)).toEqual(params);
  });
});

const VIEW: ApprovalView = {
  ...CALL,
  purposes: [{ issuer: "https://issuer.example", purpose: "pay a bill" }],
};
const BINDING: ViewBinding = {
  ledger: '["v1","acme","agent:reader",0]',
  id: "A".repeat(22),
  digest: "d",
  revision: "r",
};

describe("a sealed view", () => {
  const sealed = sealView(VIEW, BINDING, KEYS).then((text) => text ?? "");

  test("opens where it belongs, and shows nothing elsewhere", async () => {
    expect(await openView(await sealed, BINDING, KEYS)).toEqual(VIEW);
    expect(await sealed).not.toContain("bob");
  });

  test.each<[string, Partial<ViewBinding>]>([
    ["another ledger", { ledger: '["v1","other","agent:reader",0]' }],
    ["another id", { id: "B".repeat(22) }],
    ["another digest", { digest: "e" }],
    ["another revision", { revision: "s" }],
    ["names that only join alike", { id: `${BINDING.id}","d`, digest: "r", revision: "" }],
  ])("does not open under %s", async (_, changes) => {
    expect(await openView(await sealed, { ...BINDING, ...changes }, KEYS)).toBeNull();
  });

  test("does not open for another purpose, nor changed, nor as something else", async () => {
    const text = await sealed;
    const names = Object.values(BINDING);
    expect(await unseal(text, { purpose: "view", names }, KEYS)).toEqual(VIEW);
    expect(await unseal(text, { purpose: "approver", names }, KEYS)).toBeNull();
    const last = text.at(-2) === "A" ? "B" : "A";
    for (const bad of [
      `${text.slice(0, -2)}${last}${text.at(-1)}`,
      text.slice(3),
      "",
      ".",
      "k1.",
      "k1.AAAA",
      `k2${text.slice(2)}`,
    ])
      expect(await openView(bad, BINDING, KEYS)).toBeNull();
  });

  test("opens under a key that has been rotated, until it is gone", async () => {
    const text = await sealed;
    expect(await openView(text, BINDING, await keysOf(`k2:${secret(2)},k1:${secret(1)}`))).toEqual(VIEW);
    expect(await openView(text, BINDING, await keysOf(`k2:${secret(2)}`))).toBeNull();
    expect(await openView(text, BINDING, await keysOf(`k1:${secret(2)}`))).toBeNull();
  });

  test("that nobody could read is none", async () => {
    const long = (length: number) => ({ ...VIEW, params: { arguments: { text: "x".repeat(length) } } });
    expect(await sealView(long(MAX_APPROVAL_VIEW_BYTES), BINDING, KEYS)).toBeNull();
    expect(await sealView(long(MAX_APPROVAL_VIEW_BYTES - 1000), BINDING, KEYS)).not.toBeNull();
  });
});

const TENANT = { id: "acme", publicUrl: "https://g.example/acme/mcp", revision: "r1" } as Tenant;
const APPROVER: Approver = {
  iss: "https://idp.example",
  sub: "alice",
  roles: ["payer"],
  secret: "s".repeat(22),
  expires: NOW + APPROVER_SESSION,
};

describe("who is signed in", () => {
  const set = approverCookie(APPROVER, TENANT, KEYS);
  const headers = async (tamper = (cookie: string) => cookie) =>
    new Map([["cookie", `other=1; ${tamper((await set).split(";")[0] ?? "")}`]]);

  test("is in a cookie that no neighbour of the host can set, and of this tenant alone", async () => {
    expect(await set).toMatch(
      /^__Host-countersign-approver-acme=k1\.[\w-]+; Path=\/; Max-Age=900; Secure; HttpOnly; SameSite=Lax$/,
    );
    expect(await readApprover(await headers(), TENANT, KEYS, NOW)).toEqual(APPROVER);
  });

  test("is in a cookie without a prefix where there is no TLS: on the machine itself", async () => {
    const local = { ...TENANT, publicUrl: "http://127.0.0.1:8787/acme/mcp" };
    const plain = await approverCookie(APPROVER, local, KEYS);
    expect(plain).toMatch(
      /^countersign-approver-acme=[\w.-]+; Path=\/; Max-Age=900; HttpOnly; SameSite=Lax$/,
    );
    const sent = new Map([["cookie", plain.split(";")[0] ?? ""]]);
    expect(await readApprover(sent, local, KEYS, NOW)).toEqual(APPROVER);
    expect(await readApprover(sent, { ...local, publicUrl: TENANT.publicUrl }, KEYS, NOW)).toBeNull();
  });

  test("fits into a cookie with all the roles and the longest names that there are", async () => {
    const longest = {
      ...APPROVER,
      iss: "i".repeat(MAX_APPROVER_LENGTH),
      sub: '"'.repeat(MAX_APPROVER_LENGTH),
      roles: Array.from({ length: MAX_APPROVAL_ROLES }, () => "r".repeat(64)),
    };
    const tenant = { ...TENANT, id: "t".repeat(63) };
    expect((await approverCookie(longest, tenant, KEYS)).length).toBeLessThan(4096);
  });

  test.each<[string, Partial<Tenant>]>([
    ["another tenant", { id: "other" }],
    ["another URL", { publicUrl: "https://g.example/other/mcp" }],
    ["another document: roles may be others", { revision: "r2" }],
  ])("is nobody for %s", async (_, changes) => {
    expect(await readApprover(await headers(), { ...TENANT, ...changes }, KEYS, NOW)).toBeNull();
  });

  test("is nobody when the time is over, and where two cookies have the name", async () => {
    expect(await readApprover(await headers(), TENANT, KEYS, APPROVER.expires - 1)).not.toBeNull();
    expect(await readApprover(await headers(), TENANT, KEYS, APPROVER.expires)).toBeNull();
    expect(await readApprover(await headers((one) => `${one}; ${one}`), TENANT, KEYS, NOW)).toBeNull();
    expect(await readApprover(new Map(), TENANT, KEYS, NOW)).toBeNull();
  });

  test("is not who has some other sealed text of ours", async () => {
    const names = [TENANT.id, TENANT.publicUrl, TENANT.revision];
    const other = await seal(APPROVER, { purpose: "sign-in", names }, KEYS);
    const cookie = `__Host-countersign-approver-acme=${other}`;
    expect(await readApprover(new Map([["cookie", cookie]]), TENANT, KEYS, NOW)).toBeNull();
  });

  test("sends forms that are good for one session and one call", async () => {
    const tokens = await Promise.all([
      formToken(APPROVER, "https://g.example/acme/approvals/a"),
      formToken(APPROVER, "https://g.example/acme/approvals/b"),
      formToken({ ...APPROVER, secret: "t".repeat(22) }, "https://g.example/acme/approvals/a"),
    ]);
    expect(new Set(tokens).size).toBe(3);
  });
});
