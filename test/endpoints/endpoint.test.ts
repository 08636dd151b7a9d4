import { describe, expect, test } from "vitest";
import { toBase64url, utf8 } from "../../src/encoding.ts";
import { AUDIT_ACTION, endpointAt, methodsOf, runId, targetOf } from "../../src/endpoints/endpoint.ts";
import { actionMatches } from "../../src/evidence/act/verify.ts";
import { runKey } from "../../src/ledger/run-key.ts";
import { deriveAction } from "../../src/policy/actions.ts";
import { outcome } from "../support/acme.ts";

const at = (path: string) => endpointAt(path, "/acme/mcp");
const DECISION = "A".repeat(22);

describe("endpointAt", () => {
  test.each([
    ["/acme/mcp", { kind: "mcp" }],
    ["/acme/records", { kind: "records" }],
    [`/acme/receipts/${DECISION}`, { kind: "receipt", decision: DECISION }],
    ["/acme/audit/export", { kind: "export" }],
    ["/acme/audit/status", { kind: "status" }],
    ["/acme/audit/observed", { kind: "observed" }],
    ["/acme/revocations", { kind: "revocations" }],
    ["/acme/revocations/17", { kind: "revocation", number: 17 }],
  ])("%s", (path, endpoint) => {
    expect(at(path)).toEqual(endpoint);
  });

  test.each([
    "/acme/",
    "/acme",
    "/acme/mcp/",
    "/acme/mcp/records",
    "/acme/records/",
    "/acme/records/x",
    "/acme/Records",
    "/acme/receipts",
    "/acme/receipts/",
    `/acme/receipts/${DECISION}/`,
    `/acme/receipts/${DECISION}x`,
    `/acme/receipts/${DECISION}/outcome`,
    `/acme/receipts/${DECISION}.outcome`,
    "/acme/receipts/../mcp",
    "/acme/runs",
    "/acme/runs/",
    "/acme/runs/AA/AA",
    "/acme/revocations/",
    "/acme/revocations/0",
    "/acme/revocations/01",
    "/acme/revocations/-1",
    "/acme/revocations/1e3",
    "/acme/revocations/1/2",
    "/acme/revocations/9007199254740993",
    "/acme/audit",
    "/acme/audit/",
    "/acme/audit/export/",
    "/acme/audit/exports",
    "/acme/constructor",
    "/acme/audit/constructor",
    "/other/records",
    `/acmes/receipts/${DECISION}`,
    "/records",
  ])("there is none at %s", (path) => {
    expect(at(path)).toBeNull();
  });

  test("a run has one name: what else decodes to it is none", () => {
    const run = runKey({ iss: "https://issuer.example", rootIss: "", jti: "m", wid: null });
    const id = runId(run);
    expect(at(`/acme/runs/${id}`)).toEqual({ kind: "run", run });
    for (const other of [`${id}=`, `${id}A`, toBase64url(Uint8Array.of(0xff)), ""]) {
      expect(at(`/acme/runs/${other}`)).toBeNull();
    }
    expect(at(`/acme/runs/${toBase64url(utf8("é"))}`)).toEqual({ kind: "run", run: "é" });
  });

  test("stands beside the public URL, wherever that is", () => {
    expect(endpointAt("/records", "/mcp")).toEqual({ kind: "records" });
    expect(endpointAt("/a/b/records", "/a/b/mcp")).toEqual({ kind: "records" });
    expect(endpointAt("/mcp/records", "/mcp/")).toEqual({ kind: "records" });
    // What the document says is the MCP endpoint is that.
    expect(endpointAt("/records", "/records")).toEqual({ kind: "mcp" });
  });
});

test("what is signed is the very target, of the host that is configured", () => {
  const url = "https://gateway.example/acme/mcp";
  const target = { path: "/acme/audit/export", query: "?from=1" };
  expect(targetOf({ kind: "export" }, url, target)).toBe("https://gateway.example/acme/audit/export?from=1");
  expect(targetOf({ kind: "mcp" }, url, { path: "/acme/mcp", query: null })).toBe(url);
});

test("each has its methods", () => {
  expect(methodsOf({ kind: "mcp" })).toEqual(["POST", "GET", "DELETE"]);
  expect(methodsOf({ kind: "records" })).toEqual(["POST"]);
  expect(methodsOf({ kind: "status" })).toEqual(["GET"]);
});

describe("the right to see the audit log", () => {
  test.each(["mcp.*", "mcp.countersign.audit.read", "countersign", "countersign.audit", "*", "c.*"])(
    "is not granted by %s",
    (pattern) => {
      expect(actionMatches(pattern, AUDIT_ACTION)).toBe(false);
    },
  );

  test.each([AUDIT_ACTION, "countersign.*", "countersign.audit.*"])("is granted by %s alone", (pattern) => {
    expect(actionMatches(pattern, AUDIT_ACTION)).toBe(true);
  });

  test("is no action of a tool or method, whatever the templates", () => {
    const templates = { toolCall: "c{tool}", session: "count{method}", extraMethods: new Set(["ersign/x"]) };
    for (const [method, tool] of [
      ["tools/call", "ountersign.audit.read"],
      ["ersign/x", null],
    ] as const)
      expect(outcome(deriveAction(method, tool, templates))).toBe("message.tool_name_reserved");
    expect(outcome(deriveAction("tools/call", "ounselling", templates))).toBe("ok");
  });
});
