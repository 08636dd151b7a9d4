/** Receipts: what every governed answer carries and nothing else does, and what can be asked for later. */

import { type CompactJWSHeaderParameters, compactVerify, createLocalJWKSet, type JSONWebKeySet } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { generateSigner } from "../../src/agent/index.ts";
import { insertRecords } from "../../src/audit/d1.ts";
import { checkReceipt, type Held } from "../../src/audit/receipts/check.ts";
import type { ReceiptClaims } from "../../src/audit/receipts/decision-receipt.ts";
import type { ReceiptDocument } from "../../src/audit/receipts/document.ts";
import type { Report } from "../../src/audit/receipts/report.ts";
import { GENESIS } from "../../src/audit/record.ts";
import { type Row, recordOf } from "../../src/audit/rows.ts";
import { readSigningKeys } from "../../src/audit/signing-keys.ts";
import { SIGNING_KEYS } from "../../src/cli/local/secrets.ts";
import { fromBase64url, fromUtf8 } from "../../src/encoding.ts";
import type { JsonObject } from "../../src/json/strict-json.ts";
import { rehashed } from "../audit/receipts/helpers.ts";
import { type Caller, type Scene, setScene, type Wishes } from "./harness.ts";
import { beginSession, decisionOf, headerOf, RESPONSE, rpc, told, toolCall, withHeader } from "./messages.ts";
import { closedPort, answerJson as json } from "./origin.ts";
import { type Answer, Connection, type Head, toBytes, type Wire } from "./raw.ts";
import { AUDITOR, letAudit, type VisitWishes, visitWire } from "./visits.ts";

const signingKeys = SIGNING_KEYS.make();
const published = (await readSigningKeys(signingKeys))?.published as JSONWebKeySet;

let scene: Scene;
/** The writer, with a key of another lane. */
let writerLater: Caller;
beforeAll(async () => {
  scene = await setScene(
    {
      acme: {},
      lanes: {},
      damaged: {},
      gone: { origin: { url: `http://127.0.0.1:${await closedPort()}/mcp` } },
      slow: { origin: { timeoutSeconds: 1 } },
      suspended: { status: "suspended" },
    },
    { signingKeys },
  );
  for (const tenant of ["acme", "lanes", "damaged"]) await letAudit(scene, tenant);
  writerLater = await addLane("lanes");
});
afterAll(() => scene.close());
afterEach(() => {
  scene.origin("acme").handler = json;
});

/** Registers a second key of the writer; before anybody asks for the tenant. */
async function addLane(tenant: string): Promise<Caller> {
  const { signer, publicJwk: jwk } = await generateSigner({ alg: "ES256", kid: "writer-2" });
  const kv = await scene.runtime.kv();
  const document = JSON.parse((await kv.get(`tenant:${tenant}`)) ?? "{}");
  const writer = document.agents.find(({ name }: { name: string }) => name === "writer");
  writer.keys.push({ jwk, profile: "agent", lane: 1 });
  writer.attestations = [];
  await kv.put(`tenant:${tenant}`, JSON.stringify(document));
  return { ...scene.writer, signer };
}

const call = async (tenant: string, body: string | null = toolCall(), wishes: Wishes = {}): Promise<Answer> =>
  scene.send(await scene.sign(tenant, body, wishes));

/** A receipt, read as anybody with a JOSE library would. */
async function read(
  answer: Pick<Head, "headers">,
): Promise<{ header: CompactJWSHeaderParameters; claims: ReceiptClaims }> {
  const receipt = answer.headers.get("countersign-receipt") ?? "";
  // Two of them would be joined by a comma.
  expect(receipt).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  // Servers and proxies take 8 KiB of headers in all.
  expect(receipt.length).toBeLessThan(1024);
  const { payload, protectedHeader } = await compactVerify(receipt, createLocalJWKSet(published));
  return { header: protectedHeader, claims: JSON.parse(new TextDecoder().decode(payload)) };
}

/** What the log must have of decisions. It is written a second later, so one test at the end looks at all. */
const due: { readonly tenant: string; readonly claims: ReceiptClaims; readonly record: object }[] = [];

/** That an answer has a receipt, of a decision whose record is the one that it names and has these members. */
async function hasReceipt(answer: Pick<Head, "headers">, tenant: string, record: object = {}): Promise<void> {
  const { header, claims } = await read(answer);
  expect(header).toEqual({ alg: "ES256", kid: published.keys[0]?.kid, typ: "countersign-receipt+jwt" });
  expect(claims.jti).toBe(decisionOf(answer));
  due.push({ tenant, claims, record });
}

const without = (wire: Wire, name: string): Wire => withHeader(wire, name, null);

describe("an admitted message has a receipt", () => {
  const session = () => beginSession(scene, "acme", "s-receipts");
  const inSession = async () => ({ headers: { "mcp-session-id": await session() } });

  test.each<[string, () => Promise<Answer>]>([
    ["a tool call", () => call("acme")],
    ["initialize", () => call("acme", rpc("initialize"))],
    ["a notification", () => call("acme", rpc("notifications/initialized", {}, null))],
    ["a response", async () => call("acme", RESPONSE, await inSession())],
    ["DELETE", async () => call("acme", null, { method: "DELETE", ...(await inSession()) })],
    ["an attested call", () => call("acme", toolCall("sealed"))],
  ])("%s", async (_, send) => {
    const answer = await send();
    expect(told(answer)).toBe("200");
    await hasReceipt(answer, "acme", { verdict: "admitted", reason: null });
  });

  test.each(["POST", "GET"] as const)(
    "a stream that answers a %s: before its first event",
    async (method) => {
      const origin = scene.origin("acme");
      origin.handler = ({ response }) =>
        void response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      const arriving = origin.next();
      const client = await Connection.open(scene.url);
      try {
        client.write(toBytes(await scene.sign("acme", method === "POST" ? toolCall() : null, { method })));
        const head = await client.head();
        expect(head.headers.get("content-type")).toBe("text/event-stream");
        await hasReceipt(head, "acme");
        (await arriving).response.end("data: 1\n\n");
      } finally {
        client.close();
      }
    },
  );

  test.each([
    ["gone", 502],
    ["slow", 504],
  ] as const)("an origin that does not answer: %s", async (tenant, status) => {
    scene.origin("slow").handler = () => {};
    const answer = await call(tenant);
    expect(answer.status).toBe(status);
    // The decision was to admit; what came of it is the outcome's to say.
    await hasReceipt(answer, tenant, { verdict: "admitted", status: null });
  });

  test("an answer of the origin that is an error", async () => {
    scene.origin("acme").handler = ({ response }) => void response.writeHead(500).end("broken");
    const answer = await call("acme");
    expect(answer.status).toBe(500);
    await hasReceipt(answer, "acme");
  });

  test("no answer of 204 loses it", async () => {
    scene.origin("acme").handler = ({ response }) => void response.writeHead(204).end();
    const answer = await call("acme", rpc("notifications/initialized", {}, null));
    expect(answer.status).toBe(204);
    await hasReceipt(answer, "acme");
  });
});

describe("a receipt says what the record says, whatever the caller calls its method and tool", () => {
  /** The longest tool name, of what JSON escapes. */
  const LONG = '"\\'.repeat(64);

  test.each<[string, string, () => Promise<Answer>]>([
    ["200", "a long tool", () => callOf(LONG)],
    ["200", "a tool of odd characters", () => callOf("<{%}>,;=:&'`~$!")],
    ["200 capability.missing", "a long tool that is not granted", () => call("acme", toolCall(LONG))],
    ["400 message.tool_name", "a tool that is too long", () => call("acme", toolCall(`${LONG}x`))],
    ["200 message.method_unknown", "an odd method", () => call("acme", rpc(`x/${LONG.repeat(8)}`))],
  ])("%s: %s", async (expected, _, send) => {
    const answer = await send();
    expect(told(answer)).toBe(expected);
    // Before the whole message is read nobody is verified.
    if (answer.status === 200) await hasReceipt(answer, "acme");
    else expect(answer.headers.has("countersign-receipt")).toBe(false);
  });

  const callOf = async (tool: string): Promise<Answer> =>
    call("acme", toolCall(tool), { run: await scene.run("acme", { actions: [`mcp.${tool}`] }) });
});

describe("a refusal of a verified caller has one", () => {
  test.each<[string, string, () => Promise<Answer>]>([
    ["200 capability.missing", "acme", () => call("acme", toolCall("unknown"))],
    ["200 policy.tenant_suspended", "suspended", () => call("suspended")],
    [
      "200 args_commitment_mismatch",
      "acme",
      async () => {
        const other = await scene.sign("acme", toolCall("sealed", { query: "other" }));
        const attestation = other.headers.find(([name]) => name.toLowerCase() === "x-mcp-attestation");
        const headers = { "x-mcp-attestation": attestation?.[1] ?? "" };
        const { attestor } = scene.reader;
        const none = { signer: attestor, intent: "test", when: () => false };
        return call("acme", toolCall("sealed"), { headers, attestation: none });
      },
    ],
    [
      "403 replay.ect",
      "acme",
      async () => {
        const wire = await scene.sign("acme", toolCall());
        await scene.send(wire);
        return scene.send(wire);
      },
    ],
  ])("%s", async (expected, tenant, send) => {
    const answer = await send();
    expect(told(answer)).toBe(expected);
    await hasReceipt(answer, tenant, { verdict: "denied", status: answer.status });
    expect((await read(answer)).claims.reason).not.toBeNull();
  });
});

describe("nothing else has one", () => {
  test.each<[string, (wire: Wire) => Wire]>([
    ["no bearer", (wire) => without(wire, "authorization")],
    ["no signature", (wire) => without(without(wire, "signature"), "signature-input")],
    ["another body", (wire) => ({ ...wire, body: Buffer.from(toolCall("search", { query: "other" })) })],
    ["another path", (wire) => ({ ...wire, target: "/nobody/mcp" })],
    ["not JSON", (wire) => ({ ...wire, body: Buffer.from("{") })],
  ])("a refusal of a stranger: %s", async (_, change) => {
    const answer = await scene.send(change(await scene.sign("acme", toolCall())));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.headers.has("countersign-receipt")).toBe(false);
    expect(answer.headers.has("countersign-decision")).toBe(true);
  });

  test("what is public", async () => {
    for (const document of ["countersign", "oauth-protected-resource"]) {
      const { headers } = await fetch(`${scene.url}/.well-known/${document}/acme/mcp`);
      expect(headers.has("countersign-receipt")).toBe(false);
    }
  });
});

describe("an origin cannot make one", () => {
  const FORGED = ["countersign-receipt", "Countersign-Receipt", "COUNTERSIGN-RECEIPT"];

  test.each(FORGED)("%s", async (name) => {
    const other = (await call("acme")).headers.get("countersign-receipt") ?? "";
    scene.origin("acme").handler = ({ response }) =>
      void response
        .writeHead(200, {
          "content-type": "application/json",
          [name]: [other, "forged"],
          "countersign-decision": "forged",
          "countersign-ect": "forged",
          "countersign-other": "forged",
        })
        .end("{}");
    const answer = await call("acme");
    await hasReceipt(answer, "acme");
    expect([...answer.headers].filter(([, value]) => value.includes("forged"))).toEqual([]);
    expect(answer.headers.get("countersign-receipt")).not.toBe(other);
    expect(answer.headers.get("countersign-ect")).toBe("recorded");
  });

  test("in a trailer it comes nowhere", async () => {
    scene.origin("acme").handler = ({ response }) => {
      response.writeHead(200, { "content-type": "application/json", trailer: "countersign-receipt" });
      response.addTrailers({ "countersign-receipt": "forged" });
      response.end("{}");
    };
    const connection = await Connection.open(scene.url);
    try {
      connection.write(toBytes(await scene.sign("acme", toolCall())));
      const answer = await connection.answer();
      await hasReceipt(answer, "acme");
      expect(answer.headers.has("trailer")).toBe(false);
    } finally {
      connection.close();
    }
  });
});

test("each receipt says what the log has of its decision: all of it, and nothing else", async () => {
  expect(due.length).toBeGreaterThan(15);
  const rows = await scene.rows(due.map(({ claims }) => claims.jti));
  for (const { tenant, claims, record: expected } of due) {
    const record = recordOf(rows.get(claims.jti) as unknown as Row);
    expect(record).toMatchObject(expected);
    expect(claims).toEqual({
      iss: scene.endpoint(tenant),
      sub: record.principal,
      jti: record.id,
      iat: Math.floor(record.time / 1000),
      verdict: record.verdict,
      reason: record.reason,
      act: record.action,
      inp_hash: record.input_hash,
      chain: record.chain,
      seq: record.seq,
      hash: record.hash,
    });
  }
});

// -- asked for later ------------------------------------------------------------------------------------

const receiptIn = ({ headers }: Pick<Answer, "headers">): string => headers.get("countersign-receipt") ?? "";

const ask = async (tenant: string, decision: string, wishes: VisitWishes = {}): Promise<Answer> =>
  scene.send(await visitWire(scene, tenant, `receipts/${decision}`, wishes));

/** The document of a decision, once it is as it should be. */
async function shown(
  tenant: string,
  answer: Pick<Answer, "headers">,
  isReady: (document: ReceiptDocument) => boolean = ({ outcome }) => outcome !== null,
  wishes: VisitWishes = {},
): Promise<{ text: string; document: ReceiptDocument }> {
  for (const deadline = Date.now() + 20_000; ; ) {
    const { text, status } = await ask(tenant, decisionOf(answer), wishes);
    if (status !== 200) throw new Error(`${status}: ${text}`);
    const document: ReceiptDocument = JSON.parse(text);
    if (isReady(document) || Date.now() > deadline) return { text, document };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const wellKnown = async (tenant: string): Promise<JsonObject> =>
  (await fetch(`${scene.url}/.well-known/countersign/${tenant}/mcp`)).json();

/** Has every record of the tenant under a checkpoint. */
async function snapshot(tenant: string): Promise<void> {
  const answer = await scene.send(await visitWire(scene, tenant, "audit/export", { grants: AUDITOR }));
  expect(told(answer)).toBe("200");
}

const check = async (tenant: string, text: string, held: Partial<Held> = {}): Promise<Report> =>
  checkReceipt(text, await wellKnown(tenant), { receipt: null, checkpoints: [], attestation: null, ...held });

describe("GET receipts/<decision>", () => {
  test("of an attested call: everything, to be checked offline", async () => {
    const wire = await scene.sign("acme", toolCall("sealed"));
    const answer = await scene.send(wire);
    expect(told(answer)).toBe("200");
    const receipt = receiptIn(answer);
    const early = await shown("acme", answer);
    expect(early.document.decision).toMatchObject({
      id: decisionOf(answer),
      tool: "sealed",
      verdict: "admitted",
    });
    expect(early.document.outcome).toMatchObject({ kind: "outcome", status: 200 });
    // Nothing is signed again before a checkpoint covers it: until then there is the receipt of the answer.
    if (early.document.proof.outcome === null) {
      expect(early.document).toMatchObject({ receipt: null, retry_after: 300 });
      expect(await check("acme", early.text, { receipt })).toMatchObject({ fault: "outcome.unsigned" });
    }

    await snapshot("acme");
    const { text, document } = await shown("acme", answer);
    expect(document.retry_after).toBeNull();
    expect(document.execution).toHaveLength(2);
    const attestation = JSON.parse(
      fromUtf8(fromBase64url(headerOf(wire, "x-mcp-attestation")) ?? new Uint8Array()) ?? "",
    );
    const jws = document.proof.decision?.checkpoint ?? "";
    const report = await check("acme", text, { receipt, checkpoints: [jws], attestation });
    expect(report).toMatchObject({ fault: null });
    // Only the result itself is not here.
    expect(report.unchecked).toHaveLength(1);
    expect(report.checked.join()).toContain("The outcome is under checkpoint");
    expect(report.checked.join()).toContain("The receipt that you hold names the record");
    expect(document.receipt).not.toBe(receipt);
    // All of it is the caller's, so none of it may stay with a proxy.
    const again = await ask("acme", decisionOf(answer));
    expect(again.headers.get("cache-control")).toBe("no-store");
    expect(again.headers.get("content-type")).toBe("application/json");
    await hasReceipt(again, "acme");
    expect((await read(again)).claims.act).toBe("countersign.receipts.read");
  });

  test("of a call that runs: no outcome yet", async () => {
    const origin = scene.origin("acme");
    origin.handler = ({ response }) =>
      void response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    const arriving = origin.next();
    const client = await Connection.open(scene.url);
    try {
      client.write(toBytes(await scene.sign("acme", toolCall())));
      const answer = await client.head();
      const { text, document } = await shown("acme", answer, () => true);
      expect(document).toMatchObject({
        outcome: null,
        receipt: null,
        retry_after: 300,
        proof: { outcome: null },
      });
      const report = await check("acme", text, { receipt: receiptIn(answer) });
      expect(report.fault).toBeNull();
      expect(report.unchecked).toContain("What became of the call: no outcome is shown.");
      (await arriving).response.end();
      expect((await shown("acme", answer)).document.outcome).toMatchObject({ status: 200 });
    } finally {
      client.close();
    }
  });

  test("of a refusal", async () => {
    const answer = await call("acme", toolCall("unknown"));
    await snapshot("acme");
    const { text, document } = await shown("acme", answer, () => true);
    expect(document).toMatchObject({
      outcome: null,
      execution: [],
      decision: { reason: "capability.missing" },
    });
    expect(await check("acme", text)).toMatchObject({ fault: null, claims: { verdict: "denied" } });
  });

  test("a call made with a key of another lane", async () => {
    const answer = await call("lanes", toolCall(), { caller: writerLater });
    const caller = scene.writer;
    await shown("lanes", answer, undefined, { caller });
    await snapshot("lanes");
    const { text } = await shown("lanes", answer, undefined, { caller });
    expect(await check("lanes", text)).toMatchObject({ fault: null, claims: { sub: "agent:writer" } });
  });

  test("a request for a receipt has one itself", async () => {
    const visited = await ask("acme", decisionOf(await call("acme")));
    await shown("acme", visited);
    await snapshot("acme");
    const { text, document } = await shown("acme", visited);
    expect(document.decision).toMatchObject({ method: "GET", action: "countersign.receipts.read" });
    expect(await check("acme", text, { receipt: receiptIn(visited) })).toMatchObject({ fault: null });
  });

  test("is for its owner and auditors; to all others it does not exist", async () => {
    const answer = await call("acme");
    const stranger = { caller: scene.writer };
    await shown("acme", answer);
    const [others, unknown] = [
      await ask("acme", decisionOf(answer), stranger),
      await ask("acme", "A".repeat(22), stranger),
    ];
    expect(told(others)).toBe("404 endpoint.not_found");
    const bare = ({ text, headers }: Answer) => text.replaceAll(decisionOf({ headers }), "(id)");
    expect(bare(others)).toBe(bare(unknown));
    const names = ({ headers }: Answer) => [...headers.keys()].sort();
    expect(names(others)).toEqual(names(unknown));
    // Neither a stranger's sample nor the decision of another tenant is anybody's.
    const sampled = await scene.send(without(await scene.sign("acme", toolCall()), "authorization"));
    await scene.rows([decisionOf(sampled)]);
    for (const decision of [decisionOf(sampled), decisionOf(await call("lanes"))])
      expect(told(await ask("acme", decision))).toBe("404 endpoint.not_found");

    await snapshot("acme");
    const audited = await shown("acme", answer, () => true, { ...stranger, grants: AUDITOR });
    expect(audited.document.decision.principal).toBe("agent:reader");
    expect(await check("acme", audited.text)).toMatchObject({ fault: null });
  });

  test("needs the evidence that every endpoint of ours needs", async () => {
    const decision = decisionOf(await call("acme"));
    const wire = await visitWire(scene, "acme", `receipts/${decision}`);
    expect((await scene.send(without(wire, "authorization"))).status).toBe(401);
    expect((await scene.send(without(wire, "signature"))).status).toBe(403);
    const elsewhere = { ...wire, target: wire.target.replace(decision, "A".repeat(22)) };
    expect((await scene.send(elsewhere)).status).toBe(403);
    expect(told(await scene.send(wire))).toBe("200");
    expect(told(await scene.send(wire))).toBe("403 replay.nonce");
  });
});

describe("where the log is not as it should be", () => {
  const inD1 = async (statement: string): Promise<void> => {
    await (await scene.runtime.d1()).prepare(statement).run();
  };

  test("D1 does not answer: nothing is shown, and nothing is lost", async () => {
    const answer = await call("damaged");
    await inD1("ALTER TABLE audit_records RENAME TO away");
    const asked = await ask("damaged", decisionOf(answer));
    await inD1("ALTER TABLE away RENAME TO audit_records");
    expect(told(asked)).toBe("503 endpoint.log_unavailable");
    expect(asked.headers.has("retry-after")).toBe(true);
    await shown("damaged", answer);
  });

  test("a record that D1 does not take is shown all the same", async () => {
    await inD1(
      `CREATE TRIGGER refuse BEFORE INSERT ON audit_records WHEN NEW.principal = 'agent:writer' AND NEW.tenant = 'damaged'
        BEGIN SELECT RAISE(ABORT, 'not this one'); END`,
    );
    const caller = scene.writer;
    const answer = await call("damaged", toolCall(), { caller });
    await shown("damaged", answer, undefined, { caller });
    await snapshot("damaged");
    const { text, document } = await shown("damaged", answer, undefined, { caller });
    await inD1("DROP TRIGGER refuse");
    expect(document.decision.principal).toBe("agent:writer");
    expect(await check("damaged", text)).toMatchObject({ fault: null });
  });

  test("a record that was changed is not signed again, and shows against the receipt of the answer", async () => {
    const answer = await call("damaged", toolCall("unknown"));
    await snapshot("damaged");
    const before = await shown("damaged", answer, () => true);
    expect(before.document.receipt).not.toBeNull();

    const forged = await rehashed(before.document.decision, { verdict: "admitted", reason: null });
    for (const [record, fault] of [
      [{ ...forged, digest: "A".repeat(43) }, "decision.altered"],
      [forged, "held.differs"],
    ] as const) {
      await inD1(
        `UPDATE audit_records SET verdict = 'admitted', reason = NULL, digest = '${record.digest}', hash = '${record.hash}'
          WHERE id = '${decisionOf(answer)}'`,
      );
      const { text, document } = await shown("damaged", answer, () => true);
      expect(document).toMatchObject({ decision: record, receipt: null, retry_after: null });
      expect(await check("damaged", text, { receipt: receiptIn(answer) })).toMatchObject({ fault });
    }
    const { text } = await shown("damaged", answer, () => true);
    expect(await check("damaged", text)).toMatchObject({ fault: "decision.proof.head" });
  });

  test("a record that was put in is not signed, whatever it fits to", async () => {
    const answer = await call("damaged");
    const { document } = await shown("damaged", answer);
    const id = "F".repeat(22);
    const forged = await rehashed(document.decision, {
      id,
      decision: id,
      chain: "forged",
      seq: 1,
      prev_hash: GENESIS,
      verdict: "denied",
      reason: "policy.agent_suspended",
    });
    await insertRecords(await scene.runtime.d1(), [JSON.stringify(forged)]);
    const named = { headers: new Map([["countersign-decision", id]]) };
    for (const _ of ["before a checkpoint", "and after it"]) {
      const { text, document } = await shown("damaged", named, () => true);
      expect(document).toMatchObject({ decision: forged, receipt: null, proof: { decision: null } });
      expect(await check("damaged", text)).toMatchObject({ fault: "decision.unsigned" });
      await snapshot("damaged");
    }
  });
});
