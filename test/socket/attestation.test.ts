/** Tool call attestations: what a tenant can let pass, and that nothing else passes with it. */

import { createServer, type ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AttestationOptions, importAttestationSigner, signAttestation } from "../../src/agent/index.ts";
import { sha256, toBase64url, toHex, utf8 } from "../../src/encoding.ts";
import { signingInput, signingInputC, webCrypto } from "../../src/evidence/attestation/signature.ts";
import { canonical } from "../../src/json/canonical.ts";
import type { JsonObject } from "../../src/json/strict-json.ts";
import { MAX_REFERENCE_BYTES } from "../../src/limits.ts";
import { type Listening, listen } from "../support/web-server.ts";
import { type Scene, setScene, type Wishes } from "./harness.ts";
import { decisionOf, headerOf, rpc, told, toolCall } from "./messages.ts";
import { beyondFraming, closedPort } from "./origin.ts";
import type { Answer, Wire } from "./raw.ts";

const ARGS = { query: "wax", limit: 3 };
const BLOBS = "https://blobs.example";
/** The same arguments, not in canonical form, and base64url of its SHA-256. */
const SPELLED = '{ "query": "wax", "limit": 3 }';
const SPELLED_DIGEST = toBase64url(await sha256(utf8(SPELLED)));
const ARGS_MISMATCH = "args_commitment_mismatch";
const SECRET = crypto.getRandomValues(new Uint8Array(32));
const sealedCall = (args: object = ARGS) => toolCall("sealed", args);

let scene: Scene;
let blobs: Blobs;
beforeAll(async () => {
  blobs = await startBlobs();
  const references = { hosts: ["blobs.example", "gone.example"], binding: "BLOBS" };
  const planner = { iss: "issuer://planner-of-reader", alg: "HS256" as const };
  const secret = Buffer.from(SECRET).toString("base64url");
  scene = await setScene(
    {
      acme: {},
      east: { attestation: { multiServer: true } },
      west: { attestation: { multiServer: true } },
      two: { serverFingerprints: ["urn:one", "urn:two"] },
      redacting: { attestation: { redactedTools: [{ tool: "sealed" }] } },
      fetching: { attestation: { references } },
      suspended: { status: "suspended", attestation: { references } },
      dangling: { attestation: { references: { hosts: ["blobs.example"], binding: "NOWHERE" } } },
      closed: { attestation: { references: { hosts: ["blobs.example"], binding: "CLOSED" } } },
      bound: { attestation: { refuseUnboundInput: { tools: ["sealed"] } } },
      stripping: { attestation: { stripHeader: true } },
      lenient: {
        attestationKeys: [
          { ...planner, secretVersion: "strict", secret },
          { ...planner, secretVersion: "c", secret, unsafeDialectC: true },
        ],
      },
    },
    { services: { BLOBS: blobs.address, CLOSED: `127.0.0.1:${await closedPort()}` } },
  );
});
afterAll(async () => {
  await scene.close();
  await blobs.close();
});

/** A call attested as these options say. */
const attested = (changes: Partial<AttestationOptions> = {}): Wishes => ({
  attestation: { signer: scene.reader.attestor, intent: "test", ...changes },
});

/** A call with an attestation that was made elsewhere. */
const carrying = (header: string): Wishes => ({
  headers: { "x-mcp-attestation": header },
  ...attested({ when: () => false }),
});

const call = async (tenant: string, wishes: Wishes = {}, body = sealedCall()): Promise<Answer> =>
  scene.send(await scene.sign(tenant, body, wishes));

const attestationOf = (wire: Wire): string => headerOf(wire, "x-mcp-attestation");

const now = () => Math.floor(Date.now() / 1000);

const claim = (tenant: string) => ({
  dialect: "A" as const,
  tool: "sealed",
  arguments: ARGS,
  serverFingerprint: scene.endpoint(tenant),
  intent: "test",
  projection: "hash-only" as const,
  now: now(),
});

/** What the audit log must say of decisions. It is written a second later, so one test at the end looks at all. */
const logged = new Map<string, { readonly reason?: string; readonly checks?: readonly string[] }>();

/** Refused, with nothing sent to the origin: what the caller is told, and what is logged. */
async function refused(tenant: string, answer: Promise<Answer>, wire: string, reason: string): Promise<void> {
  const before = scene.origin(tenant).arrivals.length;
  const given = await answer;
  expect(told(given)).toBe(`200 ${wire}`);
  expect(scene.origin(tenant).arrivals.length).toBe(before);
  logged.set(decisionOf(given), { reason: `attestation.${reason}` });
}

async function admitted(answer: Promise<Answer>, ...checks: readonly string[]): Promise<void> {
  const given = await answer;
  expect(told(given)).toBe("200");
  logged.set(decisionOf(given), { checks: checks.map((check) => `attestation.${check}`) });
}

describe("the nonce", () => {
  test("is not spent by whoever shows the attestation with another call", async () => {
    const { header } = await signAttestation(scene.reader.attestor, claim("acme"));
    const show = (body: string) => call("acme", carrying(header), body);
    await refused("acme", show(sealedCall({ query: "wane" })), ARGS_MISMATCH, "hash_only_mismatch");
    await refused("acme", show(toolCall("write", ARGS)), "tool_mismatch", "tool_differs");
    expect(told(await show(sealedCall()))).toBe("200");
    await refused("acme", show(sealedCall()), "nonce_replay", "nonce_seen");
  });

  test("is spent for each server of a plan, once", async () => {
    const other = { ...claim("west"), tool: "write", arguments: { n: 1 } };
    const { header } = await signAttestation(scene.reader.attestor, { ...claim("east"), others: [other] });
    const write = toolCall("write", { n: 1 });
    await refused("acme", call("acme", carrying(header)), "server_mismatch", "fingerprint_not_found");
    // What the plan has for the other server is not for this one.
    await refused("east", call("east", carrying(header), write), "tool_mismatch", "tool_differs");
    await admitted(call("east", carrying(header)), "A", "A.plan");
    expect(told(await call("west", carrying(header), write))).toBe("200");
    for (const [tenant, body] of [["east", sealedCall()] as const, ["west", write] as const])
      await refused(tenant, call(tenant, carrying(header), body), "nonce_replay", "nonce_seen");
  });

  test("a plan for this server and another is refused where the tenant takes none", async () => {
    const others = [{ ...claim("west"), tool: "write" }];
    const { header } = await signAttestation(scene.reader.attestor, { ...claim("acme"), others });
    await refused("acme", call("acme", carrying(header)), "server_mismatch", "several_calls");
  });

  test("is another's under another fingerprint of the same server", async () => {
    const show = async (serverFingerprint: string) => {
      const signed = await signAttestation(scene.reader.attestor, {
        ...claim("two"),
        serverFingerprint,
        nonce: "the-same",
      });
      return told(await call("two", carrying(signed.header)));
    };
    expect([await show("urn:one"), await show("urn:two"), await show("urn:one")]).toEqual([
      "200",
      "200",
      "200 nonce_replay",
    ]);
  });
});

describe("a call that is tried again after input_required", () => {
  const retried = (extra: object) =>
    rpc("tools/call", { name: "sealed", arguments: ARGS, ...extra }, "another-id");
  const extra = { inputResponses: { city: { action: "accept", content: {} } }, requestState: "opaque" };

  test("needs an attestation of its own", async () => {
    const first = await scene.sign("acme", sealedCall());
    expect(told(await scene.send(first))).toBe("200");
    const again = call("acme", carrying(attestationOf(first)), retried(extra));
    await refused("acme", again, "nonce_replay", "nonce_seen");

    const arrival = scene.origin("acme").next();
    expect(told(await call("acme", {}, retried(extra)))).toBe("200");
    expect((await arrival).body.toString()).toBe(retried(extra));
  });

  test("is refused where the tenant wants nothing unbound", async () => {
    for (const one of Object.entries(extra))
      await refused(
        "bound",
        call("bound", {}, retried(Object.fromEntries([one]))),
        ARGS_MISMATCH,
        "unbound_input",
      );
    expect(told(await call("bound"))).toBe("200");
  });
});

describe("a projection that leaves something out", () => {
  const showing = (redacted: object) => attested({ projection: { redacted: { ...redacted } } });

  test("passes for the tools that are listed, and the audit log says so", async () => {
    await admitted(call("redacting", showing({ query: "wax" })), "A", "A.redacted");
  });

  test("must not show anything else", async () => {
    await refused(
      "redacting",
      call("redacting", showing({ query: "wane" })),
      ARGS_MISMATCH,
      "redacted_not_subset",
    );
    const write = toolCall("write", ARGS);
    for (const [tenant, body] of [["acme", sealedCall()] as const, ["redacting", write] as const])
      await refused(
        tenant,
        call(tenant, showing({ query: "wax" }), body),
        ARGS_MISMATCH,
        "redacted_not_allowed",
      );
  });
});

describe("arguments by reference", () => {
  const refer = (path: string, dialect: "A" | "B" = "A") =>
    attested({ dialect, projection: { ref: path.startsWith("/") ? BLOBS + path : path } });

  /** Attests to arguments that are at `path`, in whatever spelling `digest` is of. */
  async function referring(
    tenant: string,
    path: string,
    digest = SPELLED_DIGEST,
    { now: at = now(), signer = scene.reader.attestor } = {},
  ): Promise<Wishes> {
    const argsRef = { uri: BLOBS + path, digest };
    const call: JsonObject = { name: "sealed", serverFingerprint: scene.endpoint(tenant), argsRef };
    const { envelope } = await signAttestation(signer, { ...claim(tenant), now: at });
    const { signature: _, ...members }: JsonObject = { ...envelope, payloadDerived: { toolCalls: [call] } };
    const octets = await crypto.subtle.sign(webCrypto(signer.alg), signer.key, signingInput(members));
    const signed = { ...members, signature: toHex(new Uint8Array(octets)) };
    return carrying(toBase64url(utf8(canonical(signed))));
  }

  test.each(["A", "B"] as const)("whose digest tells enough are not fetched, dialect %s", async (dialect) => {
    await admitted(call("fetching", refer("/good", dialect)), dialect, `${dialect}.reference`);
    const other = await signAttestation(scene.reader.attestor, {
      ...claim("fetching"),
      dialect: "B",
      arguments: { query: "wane" },
      projection: { ref: `${BLOBS}/other` },
    });
    const shown = call("fetching", carrying(other.header));
    await refused("fetching", shown, ARGS_MISMATCH, "ref_content_mismatch");
    expect(blobs.asked).toEqual([]);
  });

  test("in another spelling are fetched", async () => {
    const wishes = await referring("fetching", "/good");
    await admitted(call("fetching", wishes), "A", "A.reference");
    expect(blobs.asked.splice(0)).toEqual(["/good"]);
    // Only the ledger knows that the nonce is spent, and it is asked last.
    await refused("fetching", call("fetching", wishes), "nonce_replay", "nonce_seen");
    expect(blobs.asked.splice(0)).toEqual(["/good"]);
  });

  test("are not fetched where the tenant does not say so", async () => {
    await refused("acme", call("acme", refer("/good")), ARGS_MISMATCH, "ref_resolver_off");
    await refused("acme", call("acme", await referring("acme", "/good")), ARGS_MISMATCH, "ref_resolver_off");
    expect(blobs.asked).toEqual([]);
  });

  test.each([
    ["another host", "https://other.example/good"],
    ["the host as a prefix", "https://blobs.example.evil.example/good"],
    ["the host as a user", "https://blobs.example@evil.example/good"],
    ["a user at the host", "https://user@blobs.example/good"],
    ["the host in capitals", "https://BLOBS.example/good"],
    ["a dot behind the host", "https://blobs.example./good"],
    ["another port", "https://blobs.example:8443/good"],
    ["http", "http://blobs.example/good"],
    ["another scheme", "cid://blobs.example/good"],
    ["an address", "https://127.0.0.1/good"],
    ["no URL", "blobs.example/good"],
    ["a line end in it", "https://blobs.example/go\nod"],
  ])("are not fetched from elsewhere: %s", async (_, uri) => {
    await refused("fetching", call("fetching", refer(uri)), ARGS_MISMATCH, "ref_host_not_allowed");
    expect(blobs.asked).toEqual([]);
  });

  test("are not fetched for a call that is refused without them", async () => {
    const late = await referring("fetching", "/good", SPELLED_DIGEST, { now: now() - 400 });
    const foreign = await referring("fetching", "/good", SPELLED_DIGEST, { signer: scene.writer.attestor });
    const elsewhere = await referring("acme", "/good");
    const show = (wishes: Wishes) => call("fetching", wishes);
    await refused("fetching", show(late), "expired", "ttl_passed");
    await refused("fetching", show(elsewhere), "server_mismatch", "fingerprint_not_found");
    await refused("fetching", show(foreign), "signature_invalid", "principal_mismatch");
    expect(blobs.asked).toEqual([]);
  });

  test("are not fetched for a call that policy refuses", async () => {
    const suspended = await call("suspended", await referring("suspended", "/good"));
    expect(told(suspended)).toBe("200 policy.tenant_suspended");
    const entry = { action: "mcp.sealed", constraints: { arguments: { "/query": { pattern: "wane" } } } };
    const run = await scene.run("fetching", { actions: [entry] });
    const forbidden = await call("fetching", { ...(await referring("fetching", "/good")), run });
    expect(told(forbidden)).toBe("200 capability.argument_not_allowed");
    expect(blobs.asked).toEqual([]);
  });

  test.each(["/absent", "/redirect", "/broken", "/html", "/huge", "/huge-unsaid", "/silent", "/dripping"])(
    "from a store that misbehaves: %s",
    { concurrent: true },
    async (path) => {
      const wishes = await referring("fetching", path);
      await refused("fetching", call("fetching", wishes), ARGS_MISMATCH, "ref_unreachable");
    },
  );

  test("what a redirect leads to is not asked for", () => {
    expect(blobs.asked.splice(0)).not.toContain("/target");
  });

  test("from a store that cannot be reached", async () => {
    const wishes = await referring("closed", "/good");
    await refused("closed", call("closed", wishes), ARGS_MISMATCH, "ref_unreachable");
  });

  test("from a store that answers the second time: the attestation still counts", async () => {
    const wishes = await referring("fetching", "/late");
    await refused("fetching", call("fetching", wishes), ARGS_MISMATCH, "ref_unreachable");
    await admitted(call("fetching", wishes), "A", "A.reference");
  });

  test("through a binding that does not exist: the operator's fault, not the caller's", async () => {
    const answer = await call("dangling", await referring("dangling", "/good"));
    expect(told(answer)).toBe("503 reference.misconfigured");
    expect(answer.headers.has("retry-after")).toBe(true);
  });

  test("that are not what was signed, or not the arguments", async () => {
    const changed = await referring("fetching", "/other");
    await refused("fetching", call("fetching", changed), ARGS_MISMATCH, "ref_digest_mismatch");
    const { header } = await signAttestation(scene.reader.attestor, {
      ...claim("fetching"),
      arguments: { query: "wane" },
      projection: { ref: `${BLOBS}/other` },
    });
    await refused("fetching", call("fetching", carrying(header)), ARGS_MISMATCH, "ref_content_mismatch");
  });
});

describe("the attestation's way to the origin", () => {
  test.each(["acme", "stripping"])("%s", async (tenant) => {
    const wire = await scene.sign(tenant, sealedCall());
    const arrival = scene.origin(tenant).next();
    expect(told(await scene.send(wire))).toBe("200");
    const { body, ...arrived } = await arrival;
    expect(beyondFraming({ body, ...arrived })["x-mcp-attestation"]).toBe(
      tenant === "acme" ? attestationOf(wire) : undefined,
    );
  });

  test("in _meta it goes as it came, where the header would be kept back too", async () => {
    const { envelope } = await signAttestation(scene.reader.attestor, claim("stripping"));
    const body = rpc("tools/call", { name: "sealed", arguments: ARGS, _meta: { attestation: envelope } });
    const arrival = scene.origin("stripping").next();
    expect(told(await call("stripping", attested({ when: () => false }), body))).toBe("200");
    expect((await arrival).body.toString()).toBe(body);
  });
});

test("dialect C, with the flag on one key alone", async () => {
  const { iss, sub } = scene.reader.attestor;
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", SECRET, hmac, false, ["sign"]);
  const show = async (secretVersion: string) => {
    const named = { iss, sub, secretVersion, alg: "HS256", secret: SECRET } as const;
    const signed = await signAttestation(await importAttestationSigner(named), claim("lenient"));
    const mac = await crypto.subtle.sign("HMAC", key, signingInputC(signed.envelope));
    const members = { ...signed.envelope, signature: Buffer.from(mac).toString("hex") };
    const body = rpc("tools/call", { name: "sealed", arguments: ARGS, _meta: { attestation: members } });
    return call("lenient", attested({ when: () => false }), body);
  };
  await refused("lenient", show("strict"), "signature_invalid", "signature_mismatch");
  await admitted(show("c"), "C");
});

test("what the audit log says of all these", async () => {
  const rows = await scene.rows([...logged.keys()]);
  const found = [...logged].map(([decision, { reason, checks }]) => {
    const row = rows.get(decision);
    const passed = JSON.parse(row?.checks ?? "[]") as string[];
    return [
      decision,
      {
        ...(reason !== undefined && { reason: row?.reason }),
        ...(checks !== undefined && { checks: passed.filter((check) => check.startsWith("attestation")) }),
      },
    ];
  });
  expect(found).toEqual([...logged]);
});

interface Blobs extends Listening {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** The paths that were asked for. */
  readonly asked: string[];
}

/** A store of arguments, and what a store can do wrong. */
async function startBlobs(): Promise<Blobs> {
  const asked: string[] = [];
  const json = (response: ServerResponse, body: string) =>
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  const tooMuch = " ".repeat(MAX_REFERENCE_BYTES) + SPELLED;
  const answers: Readonly<Record<string, (response: ServerResponse) => unknown>> = {
    "/good": (response) => json(response, SPELLED),
    "/target": (response) => json(response, SPELLED),
    "/other": (response) => json(response, '{"query":"wane"}'),
    "/late": (response) =>
      asked.filter((path) => path === "/late").length > 1
        ? json(response, SPELLED)
        : response.writeHead(503).end(),
    "/absent": (response) => response.writeHead(404, { "content-type": "application/json" }).end(SPELLED),
    "/redirect": (response) => response.writeHead(302, { location: `${BLOBS}/target` }).end(SPELLED),
    "/broken": (response) => {
      response
        .writeHead(200, { "content-type": "application/json", "content-length": "1000" })
        .write(SPELLED);
      setImmediate(() => response.destroy());
    },
    "/html": (response) => response.writeHead(200, { "content-type": "text/html" }).end(SPELLED),
    "/huge": (response) => json(response, tooMuch),
    "/huge-unsaid": (response) => {
      response.writeHead(200, { "content-type": "application/json" }).write(tooMuch);
      response.end();
    },
    "/silent": () => {},
    "/dripping": (response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const timer = setInterval(() => response.write(" "), 100);
      response.once("close", () => clearInterval(timer));
    },
  };
  const server = createServer(({ url = "" }, response) => {
    asked.push(url);
    answers[url]?.(response);
  });
  const listening = await listen(server);
  return { ...listening, address: new URL(listening.origin).host, asked };
}
