/** Workloads that call through Countersign with a WIT, over a real socket: both revisions, and signed refusals. */

import { exportJWK } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  addEvidence,
  generateSigner,
  mintRecord,
  runIdOf,
  type Signer,
  startRun,
  verifyAnswer,
} from "../../src/agent/index.ts";
import { signJwt } from "../../src/agent/signer.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { type Caller, type Scene, setScene, type Wishes } from "./harness.ts";
import { beginSession, headerOf, RESPONSE, rpc, told, toolCall, withHeader } from "./messages.ts";
import type { Wire } from "./raw.ts";
import { visitWire } from "./visits.ts";

const SUBJECT = "wimse://example.test/reader";
const GATEWAY = "wimse://example.test/gateway";

let scene: Scene;
let authority: Awaited<ReturnType<typeof generateSigner>>;
let workload: Caller;
let token: string;

const witOf = (sub: string, jwk: object, signer: Signer = authority.signer): Promise<string> =>
  signJwt(signer, "wit+jwt", { sub, exp: Math.floor(Date.now() / 1000) + 600, cnf: { jwk } });

beforeAll(async () => {
  authority = await generateSigner({ alg: "ES256", kid: "authority-1" });
  const own = await generateSigner({ alg: "ES256" });
  const edge = await generateSigner({ alg: "EdDSA", extractable: true });
  const others = await Promise.all(["writer", "courier"].map(() => generateSigner({ alg: "ES256" })));
  const agents = (revision: "wimse-06" | "wimse-07"): TenantDocument["agents"] => [
    { name: "reader", subjects: ["agent:reader"], workload: { subjects: [SUBJECT], revision } },
    ...others.map(({ publicJwk }, i) => ({
      name: i === 0 ? "writer" : "courier",
      subjects: [`agent:other-${i}`],
      keys: [{ jwk: { ...publicJwk } }],
    })),
  ];
  const trustDomains = [{ domain: "example.test", keys: [{ ...authority.publicJwk }] }];
  scene = await setScene(
    {
      seven: { agents: agents("wimse-07"), trustDomains },
      six: { agents: agents("wimse-06"), trustDomains },
    },
    {
      wimseIdentity: JSON.stringify({
        wit: await witOf(GATEWAY, edge.publicJwk),
        privateJwk: await exportJWK(edge.signer.privateKey),
      }),
    },
  );
  workload = { ...scene.reader, signer: own.signer };
  token = await witOf(SUBJECT, own.publicJwk);
});
afterAll(() => scene.close());

const PROFILES = { seven: "wimse-07", six: "wimse-06" } as const;
type TenantId = keyof typeof PROFILES;

const wishes = (tenant: TenantId, more: Wishes = {}): Wishes => ({
  caller: workload,
  profile: PROFILES[tenant],
  wit: token,
  ...more,
});
const sign = (tenant: TenantId, body = toolCall(), more: Wishes = {}): Promise<Wire> =>
  scene.sign(tenant, body, wishes(tenant, more));

const reached = (tenant: TenantId): number => scene.origin(tenant).arrivals.length;

/** The signature's octets are changed, and its nonce is what it was. */
const forged = (wire: Wire): Wire =>
  withHeader(
    wire,
    "signature",
    headerOf(wire, "signature").replace(/=:(.)/, (_, c) => `=:${c === "A" ? "B" : "A"}`),
  );

describe.each(["seven", "six"] as const)("tenant %s", (tenant) => {
  test("a call is admitted, once", async () => {
    const wire = await sign(tenant);
    const answer = await scene.send(wire);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("countersign-ect")).toBe("recorded");
    const again = await scene.send(wire);
    expect(told(again)).toMatch(/^\d+ replay\./);
    const decision = answer.headers.get("countersign-decision") ?? "";
    const row = (await scene.rows([decision])).get(decision);
    expect(row).toMatchObject({ principal: "agent:reader" });
    expect(JSON.parse(row?.checks ?? "[]")).toContain(`signature.${PROFILES[tenant]}`);
    // The origin is sent no credential.
    const sent = scene
      .origin(tenant)
      .arrivals.at(-1)
      ?.rawHeaders.map(([name]) => name.toLowerCase());
    expect(sent).toContain("content-type");
    expect(sent).not.toContain("workload-identity-token");
  });

  test("an endpoint of Countersign's own is visited with a signature for its path, once", async () => {
    const run = await scene.run(tenant, { caller: workload });
    const path = `runs/${runIdOf(run.mandate.token)}`;
    const wire = await visitWire(scene, tenant, path, wishes(tenant, { run }));
    expect(told(await scene.send({ ...wire, target: `/${tenant}/audit/status` }))).toBe(
      "400 signature.invalid",
    );
    expect(told(await scene.send(wire))).toBe("200");
    expect(told(await scene.send(wire))).toBe("403 replay.nonce");
  });

  test("the workload hands in a record that is signed with the key of its WIT, and with no other", async () => {
    const run = await scene.run(tenant, { caller: workload });
    expect(told(await scene.send(await sign(tenant, toolCall(), { run })))).toBe("200");
    const hand = async (signer: Signer) => {
      const body = await mintRecord({ mandate: run.mandate.token, signer, execAct: "mcp.search" });
      const headers = { "content-type": "application/jwt" };
      const posted = { ...wishes(tenant), method: "POST", headers, body };
      return told(await scene.send(await visitWire(scene, tenant, "records", posted)));
    };
    expect(await hand(scene.writer.signer)).toBe("403 record.key_unknown");
    expect(await hand(workload.signer)).toBe("201");
    expect(await hand(workload.signer)).toBe("403 record.repeated");
  });

  test("a nonce is spent once, whether on a visit or a call", async () => {
    const once = wishes(tenant, { newId: () => "once" });
    const visit = () => visitWire(scene, tenant, "runs/AA", once);
    const call = () => scene.sign(tenant, "", { ...once, method: "GET" });
    expect(told(await scene.send(await call()))).toBe("200");
    expect(told(await scene.send(await visit()))).toBe("403 replay.nonce");
  });

  test("a signed answer is demanded there: refused, and signed for that path", async () => {
    const options = await scene.options(tenant, wishes(tenant, { demandSignedResponse: true }));
    const url = new URL("runs/AA", scene.endpoint(tenant));
    const { headers, nonce } = await addEvidence({ method: "GET", url }, options);
    const response = await fetch(url, { headers });
    expect(response.status).toBe(501);
    const expected = {
      request: { method: "GET", url },
      requestNonce: nonce ?? "",
      profile: PROFILES[tenant],
      subject: GATEWAY,
      keys: [authority.publicJwk],
    };
    expect(await verifyAnswer(response, expected)).toEqual({ ok: true });
    const elsewhere = { method: "GET", url: scene.endpoint(tenant) };
    expect(await verifyAnswer(response, { ...expected, request: elsewhere })).toMatchObject({ ok: false });
  });

  test("by the other revision it is refused", async () => {
    const profile = tenant === "seven" ? "wimse-06" : "wimse-07";
    const answer = await scene.send(await sign(tenant, toolCall(), { profile }));
    expect(told(answer)).toBe("400 signature.invalid");
  });

  test("a signed answer is demanded: 501 before the origin hears of it, and that is signed", async () => {
    const before = reached(tenant);
    const url = scene.endpoint(tenant);
    const options = await scene.options(tenant, wishes(tenant, { demandSignedResponse: true }));
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    const made = await addEvidence({ method: "POST", url, headers, body: toolCall() }, options);
    const response = await fetch(url, { method: "POST", headers: made.headers, body: toolCall() });
    expect(response.status).toBe(501);
    expect(response.headers.get("countersign-ect")).toBe("recorded");
    // A signature of its own vouches for the receipt: this one does not cover it.
    expect(response.headers.get("countersign-receipt")).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(response.headers.get("signature-input")).not.toContain("countersign-");
    const expected = {
      request: { method: "POST", url },
      requestNonce: made.nonce ?? "",
      profile: PROFILES[tenant],
      subject: GATEWAY,
      keys: [authority.publicJwk],
    };
    expect(await verifyAnswer(response, expected)).toEqual({ ok: true });
    expect(await verifyAnswer(response, { ...expected, requestNonce: "other" })).toMatchObject({
      error: "signature.parameters",
    });
    expect(await verifyAnswer(response, { ...expected, subject: SUBJECT })).toMatchObject({
      error: "principal.mismatch",
    });
    expect(await verifyAnswer(response, { ...expected, keys: [] })).toMatchObject({
      error: "wit.key_unknown",
    });
    const changed = new Response("{}", { status: 501, headers: response.headers });
    expect(await verifyAnswer(changed, expected)).toMatchObject({ error: "digest.mismatch" });
    expect(((await response.json()) as { error: { data: { reason: string } } }).error.data.reason).toBe(
      "signature.response_demanded",
    );
    expect(reached(tenant)).toBe(before);
  });
});

test("a refusal for another reason is signed too, where that was demanded", async () => {
  const made = await sign("seven", toolCall("unknown"), { demandSignedResponse: true });
  const answer = await scene.send(made);
  expect(answer.headers.get("signature-input")).toMatch(/^wimse=\("@status" .*wimse-req-nonce=/);
  const plain = await scene.send(await sign("seven", toolCall("unknown")));
  expect(plain.headers.has("signature-input")).toBe(false);
});

test("an unsigned answer is not what was demanded", async () => {
  const request = { method: "POST", url: scene.endpoint("seven") };
  const expected = { request, requestNonce: "n", profile: "wimse-07", subject: GATEWAY, keys: [] } as const;
  expect(await verifyAnswer(new Response("{}"), expected)).toMatchObject({ error: "wit.missing" });
});

describe("every way in checks the signature, and says 400", () => {
  const session = () => beginSession(scene, "seven", "s-wimse", wishes("seven"));
  test.each<[string, () => Promise<Wire>]>([
    ["a request", () => sign("seven")],
    ["initialize", () => sign("seven", rpc("initialize"))],
    ["a notification", () => sign("seven", rpc("notifications/initialized", {}, null))],
    ["a response", async () => sign("seven", RESPONSE, { headers: { "mcp-session-id": await session() } })],
    ["GET", () => sign("seven", "", { method: "GET" })],
    [
      "DELETE",
      async () => sign("seven", "", { method: "DELETE", headers: { "mcp-session-id": await session() } }),
    ],
  ])("%s", async (_, make) => {
    const wire = await make();
    const before = reached("seven");
    const answer = await scene.send(forged(wire));
    expect(told(answer)).toBe("400 signature.invalid");
    expect(reached("seven")).toBe(before);
    // What was forged with the nonce of a good request has not used it up.
    const good = await scene.send(wire);
    expect(good.status).toBeLessThan(300);
    expect(reached("seven")).toBe(before + 1);
    const again = await scene.send(wire);
    expect(told(again)).toMatch(/^\d+ replay\./);
  });
});

test.each<[string, (wire: Wire) => Wire, string]>([
  ["no WIT", (wire) => withHeader(wire, "workload-identity-token", null), "400 wit.missing"],
  [
    "no signature",
    (wire) => withHeader(withHeader(wire, "signature", null), "signature-input", null),
    "400 signature.missing",
  ],
  [
    "two WITs in two lines",
    (wire) => ({ ...wire, headers: [...wire.headers, ["Workload-Identity-Token", token]] }),
    "400 wit.invalid",
  ],
  ["a header added", (wire) => withHeader(wire, "txn-token", "added"), "400 signature.invalid"],
])("%s", async (_, change, expected) => {
  const answer = await scene.send(change(await sign("seven")));
  expect(told(answer)).toBe(expected);
  expect(answer.headers.has("www-authenticate")).toBe(false);
});

test("a token of a stranger's authority", async () => {
  const stranger = await generateSigner({ alg: "ES256", kid: "authority-1" });
  const own = await generateSigner({ alg: "ES256" });
  const wit = await witOf(SUBJECT, own.publicJwk, stranger.signer);
  const caller = { ...workload, signer: own.signer };
  const answer = await scene.send(await scene.sign("seven", toolCall(), wishes("seven", { caller, wit })));
  expect(told(answer)).toBe("400 wit.invalid");
});

test("a run goes on under a fresh token with a fresh key", async () => {
  const run = startRun(await scene.mandate("seven", { caller: workload }));
  expect((await scene.send(await sign("seven", toolCall(), { run }))).status).toBe(200);
  const next = await generateSigner({ alg: "ES256" });
  const caller = { ...workload, signer: next.signer };
  const wit = await witOf(SUBJECT, next.publicJwk);
  const answer = await scene.send(await sign("seven", toolCall(), { run, caller, wit }));
  expect(answer.status).toBe(200);
});
