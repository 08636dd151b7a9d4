import { describe, expect, test } from "vitest";
import { type Refusal, statusOf, toResponse } from "../src/denial.ts";
import { MCP_METHODS } from "../src/mcp/methods.ts";
import { PUBLIC_FORMS, REASONS, type Reason } from "../src/reasons.ts";

const ALL = Object.keys(REASONS) as Reason[];
const METHODS = ["tools/call", "tools/list", "server/discover", "notifications/initialized", "no/such", null];

const refusal = (reason: Reason, changes: Partial<Refusal> = {}): Refusal => ({
  reason,
  decision: "decision-1",
  id: 7,
  method: "tools/call",
  verified: true,
  modern: false,
  wimse: false,
  retryAfter: null,
  resource: {
    metadataUrl: "https://g.example/.well-known/oauth-protected-resource/acme/mcp",
    scopes: [],
    takesDpop: true,
  },
  neededScopes: null,
  allow: ["POST", "GET", "DELETE"],
  approval: null,
  ...changes,
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: {
    readonly jsonrpc: string;
    readonly id?: unknown;
    readonly error?: {
      readonly code: number;
      readonly message: string;
      readonly data: { readonly reason: string; readonly decision: string; readonly docs: string };
    };
    readonly result?: unknown;
  };
}

async function answer(reason: Reason, changes: Partial<Refusal> = {}): Promise<Answer> {
  const response = toResponse(refusal(reason, changes));
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
}

const isAttestation = (reason: Reason) => REASONS[reason].answer.kind === "attestation";

/** Every way in which one reason can be answered. */
const variants = [true, false].flatMap((verified) =>
  METHODS.flatMap((method) =>
    [true, false].map(
      (modern): Partial<Refusal> => ({ verified, method, modern, id: method === null ? null : 7 }),
    ),
  ),
);

describe.each(ALL)("%s", (reason) => {
  test("is well-formed for every caller and method", async () => {
    for (const variant of variants) {
      const { status, headers, body } = await answer(reason, variant);
      expect(status).toBe(statusOf(refusal(reason, variant)));
      expect(headers.get("content-type")).toMatch(/^application\/json/);
      expect(headers.get("cache-control")).toBe("no-store");
      expect(body.jsonrpc).toBe("2.0");
      expect(body.id).toBe(variant.id === null ? undefined : 7);
      if (body.result !== undefined) continue;
      expect(body.error?.message).not.toBe("");
      expect(body.error?.data.decision).toBe("decision-1");
      expect(body.error?.data.docs).toBe(`docs/reasons.md#${body.error?.data.reason}`);
    }
  });

  test("has a code that may be emitted", async () => {
    for (const variant of variants) {
      const code = (await answer(reason, variant)).body.error?.code;
      if (code === undefined) continue;
      const standard = [-32700, -32600, -32601, -32602, -32020].includes(code);
      expect(standard || (code >= 400 && code <= 599)).toBe(true);
    }
  });

  test("stays with us until the caller is verified", async () => {
    const { publicForm } = REASONS[reason];
    for (const variant of variants) {
      const { text, body } = await answer(reason, variant);
      const shown = variant.verified || publicForm === null ? reason : publicForm;
      if (body.result === undefined) expect(body.error?.data.reason).toBe(shown);
      if (publicForm === null || variant.verified) continue;
      expect(text).not.toContain(reason);
      expect(text).not.toContain(REASONS[reason].help);
      expect(body.error?.message).toBe(PUBLIC_FORMS[publicForm]);
    }
  });

  test("does not make server/discover look like an old server", async () => {
    for (const verified of [true, false]) {
      const { status } = await answer(reason, { method: "server/discover", verified });
      expect([401, 403, 503]).toContain(status);
    }
  });

  test("is a 200 only for a verified caller, and for tools/call unless the method is unknown", async () => {
    // The call was passed on: only who was let in gets such an answer.
    if (REASONS[reason].answer.kind === "withheld") return;
    for (const variant of variants) {
      const { status } = await answer(reason, variant);
      if (status === 200) {
        expect(variant.verified).toBe(true);
        expect(reason === "message.method_unknown" || variant.method === "tools/call").toBe(true);
      } else expect(status).toBeGreaterThanOrEqual(400);
    }
  });
});

describe("status and code", () => {
  test.each<[Reason, Partial<Refusal>, number, number]>([
    ["request.too_many_headers", {}, 431, 431],
    ["redaction.stream", {}, 200, 502],
    ["redaction.foreign_response", { method: "GET" }, 502, 502],
    ["rate.brake", {}, 429, 429],
    ["rate.brake", { method: "server/discover" }, 503, 429],
    ["limit.tenant_exhausted", {}, 200, 429],
    ["limit.tenant_exhausted", { verified: false }, 429, 429],
    ["limit.unavailable", {}, 503, 503],
    ["target.unknown", {}, 404, 404],
    ["origin_header.not_allowed", {}, 403, 403],
    ["tenant.unavailable", {}, 503, 503],
    ["bearer.missing", {}, 401, 401],
    ["act.signature", {}, 401, 401],
    ["act.signature", { method: "server/discover" }, 401, 401],
    ["message.http_method", {}, 405, -32600],
    ["message.content_type", {}, 415, -32600],
    ["message.too_large", {}, 413, -32600],
    ["message.body_timeout", {}, 408, -32600],
    ["message.not_json", {}, 400, -32700],
    ["message.batch", {}, 400, -32600],
    ["message.method_unknown", { method: "no/such" }, 200, -32601],
    ["message.method_unknown", { method: "no/such", modern: true }, 404, -32601],
    ["message.method_unknown", { method: "notifications/no-such" }, 400, -32601],
    ["message.method_unknown", { method: "no/such", verified: false }, 400, -32601],
    ["session.missing", {}, 400, -32600],
    ["session.unknown", {}, 404, 404],
    ["session.unconfigured", {}, 503, 503],
    ["message.params", {}, 400, -32602],
    ["message.header_mismatch", {}, 400, -32020],
    ["message.header_mismatch", { method: "server/discover" }, 403, -32020],
    ["signature.mismatch", {}, 403, 403],
    ["signature.mismatch", { wimse: true }, 400, 400],
    ["signature.missing", { wimse: true }, 400, 400],
    ["digest.mismatch", { wimse: true }, 400, 400],
    ["digest.mismatch", {}, 403, 403],
    ["wit.expired", { wimse: true }, 400, 400],
    ["ect.inp_hash_mismatch", { wimse: true }, 403, 403],
    ["replay.nonce", { wimse: true }, 403, 403],
    ["signature.mismatch", { wimse: true, method: "server/discover" }, 403, 400],
    ["signature.response_demanded", { wimse: true }, 501, 501],
    ["signature.response_demanded", { wimse: true, method: "server/discover" }, 403, 501],
    ["ect.inp_hash_mismatch", {}, 403, 403],
    ["replay.ect", {}, 403, 403],
    ["capability.missing", {}, 200, 403],
    ["capability.missing", { verified: false }, 403, 403],
    ["capability.missing", { method: "tools/list" }, 403, 403],
    ["policy.agent_suspended", { method: null }, 403, 403],
    ["attestation.missing", { verified: false }, 403, 403],
    ["attestation.misplaced", { method: "tools/list" }, 403, 403],
    ["ledger.unavailable", {}, 503, 503],
    ["origin.unreachable", {}, 502, 502],
    ["origin.timeout", {}, 504, 504],
    ["origin.timeout", { method: "server/discover" }, 503, 504],
    ["internal.error", {}, 500, 500],
    ["internal.error", { method: "server/discover" }, 503, 500],
  ])("%s %j", async (reason, changes, status, code) => {
    const answered = await answer(reason, changes);
    expect([answered.status, answered.body.error?.code]).toEqual([status, code]);
  });

  test("MCP methods other than tools/call get no 200", async () => {
    for (const method of MCP_METHODS) {
      if (method === "tools/call") continue;
      expect((await answer("capability.missing", { method })).status).toBe(403);
      expect((await answer("attestation.missing", { method })).status).toBe(403);
    }
  });
});

describe("headers", () => {
  test("a 401 has a challenge that SDK clients read: Bearer first, with a parameter", async () => {
    for (const reason of ALL) {
      const { status, headers } = await answer(reason, { verified: false });
      const challenge = headers.get("www-authenticate");
      if (status === 401 || reason === "token.scope") expect(challenge).toMatch(/^Bearer [a-z_]+="[^"]+"/);
      else expect(challenge).toBeNull();
    }
  });

  test("no error attribute where no credentials were sent (RFC 6750 section 3)", async () => {
    expect((await answer("bearer.missing")).headers.get("www-authenticate")).not.toContain("error=");
    expect((await answer("act.expired")).headers.get("www-authenticate")).toContain('error="invalid_token"');
  });

  test("429 and what we cannot tell say when to come back", async () => {
    for (const reason of ALL) {
      const { kind } = REASONS[reason].answer;
      const { headers } = await answer(reason);
      expect(headers.has("retry-after")).toBe(kind === "rate" || kind === "unavailable");
    }
  });

  test("a 405 names the methods (RFC 9110 section 15.5.6)", async () => {
    expect((await answer("message.http_method")).headers.get("allow")).toBe("POST, GET, DELETE, OPTIONS");
  });
});

describe("the id", () => {
  test.each(["a", "", 0, -1, 7])("%j is echoed", async (id) => {
    expect((await answer("message.params", { id })).body.id).toBe(id);
  });

  test("is left out where there is none", async () => {
    expect((await answer("message.not_json", { id: null })).body).not.toHaveProperty("id");
  });
});

describe("the tool result of a failed attestation", () => {
  const wires = {
    "attestation.missing": "attestation_required",
    "attestation.signature_mismatch": "signature_invalid",
    "attestation.issuer_unknown": "key_unavailable",
    "attestation.ttl_passed": "expired",
    "attestation.nonce_seen": "nonce_replay",
    "attestation.fingerprint_not_found": "server_mismatch",
    "attestation.tool_differs": "tool_mismatch",
    "attestation.args_missing": "args_commitment_mismatch",
  } as const;

  test.each(Object.entries(wires))("%s", async (reason, wire) => {
    const content = [{ type: "text", text: `{"attestationError":true,"reason":"${wire}"}` }];
    const legacy = await answer(reason as Reason);
    expect(legacy.status).toBe(200);
    expect(legacy.body).toEqual({ jsonrpc: "2.0", id: 7, result: { isError: true, content } });
    const modern = await answer(reason as Reason, { modern: true });
    expect(modern.body).toEqual({
      jsonrpc: "2.0",
      id: 7,
      result: { resultType: "complete", isError: true, content },
    });
  });

  test("every reason of attestations has one, and no other has", async () => {
    for (const reason of ALL) {
      expect((await answer(reason)).body.result !== undefined).toBe(isAttestation(reason));
      expect(isAttestation(reason)).toBe(reason.startsWith("attestation."));
    }
    const emitted = new Set(
      ALL.map((r) => REASONS[r].answer).map((a) => (a.kind === "attestation" ? a.wire : "")),
    );
    emitted.delete("");
    expect(emitted).toEqual(new Set(Object.values(wires)));
  });

  test("tells a stranger nothing", async () => {
    const { body, text } = await answer("attestation.tool_differs", { verified: false });
    expect(body.error?.data.reason).toBe("attestation.invalid");
    expect(text).not.toContain("attestationError");
  });
});
