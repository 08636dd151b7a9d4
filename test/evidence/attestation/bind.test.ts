import { describe, expect, test } from "vitest";
import { sha256, toBase64url, toHex, utf8 } from "../../../src/encoding.ts";
import { bindAttestation } from "../../../src/evidence/attestation/bind.ts";
import type { VerifiedAttestation } from "../../../src/evidence/attestation/verify.ts";
import { canonical } from "../../../src/json/canonical.ts";
import type { JsonObject } from "../../../src/json/strict-json.ts";
import { agentNamed } from "../../support/agents.ts";
import { policyOf } from "../../support/attestation-policy.ts";
import {
  ARGS,
  ARGS_DIGEST,
  type Attempt,
  commitA,
  commitB,
  draft,
  ES256,
  edit,
  FINGERPRINT,
  hmacKeys,
  IAT,
  judge,
  signed,
  TOOL,
  withCall,
} from "./attempts.ts";

const dialects = ["A", "B"] as const;
type Dialect = (typeof dialects)[number];

const commit = async (dialect: Dialect, projection: string): Promise<JsonObject> =>
  dialect === "A" ? commitA(projection) : commitB(projection);

/** A well-signed envelope with these planned calls, held against a call. */
async function plan(dialect: Dialect, calls: readonly JsonObject[], attempt: Attempt = {}) {
  const unsigned = edit(await draft(dialect), "payloadDerived.toolCalls", calls);
  return judge({ meta: JSON.stringify(await signed(unsigned)), ...attempt });
}

/** A well-signed envelope with this projection, held against these arguments. */
const against = async (dialect: Dialect, projection: string, args: string | null) =>
  plan(dialect, [{ name: TOOL, serverFingerprint: FINGERPRINT, ...(await commit(dialect, projection)) }], {
    args,
  });

describe.each(dialects)("target, dialect %s", (dialect) => {
  const entry = async (serverFingerprint: string, name = TOOL) => ({
    name,
    serverFingerprint,
    ...(await commit(dialect, ARGS)),
  });

  test("another server's attestation", async () => {
    for (const other of ["mcp://other.example", `${FINGERPRINT}/`, FINGERPRINT.toUpperCase()]) {
      expect(await plan(dialect, [await entry(other)])).toBe("attestation.fingerprint_not_found");
    }
    expect(await plan(dialect, [await entry(FINGERPRINT)], { fingerprints: [] })).toBe(
      "attestation.fingerprint_not_found",
    );
  });

  test("any one of the tenant's fingerprints", async () => {
    const fingerprints = ["sha256:11", FINGERPRINT];
    expect(await plan(dialect, [await entry("sha256:11")], { fingerprints })).toBe("accepted");
    expect(await plan(dialect, [await entry("sha256:11"), await entry(FINGERPRINT)], { fingerprints })).toBe(
      "attestation.fingerprint_twice",
    );
  });

  test("several planned calls", async () => {
    const [mine, other] = [await entry(FINGERPRINT), await entry("mcp://other.example")];
    expect(await plan(dialect, [mine, mine])).toBe("attestation.fingerprint_twice");
    expect(await plan(dialect, [mine, await entry(FINGERPRINT, "read_file")])).toBe(
      "attestation.fingerprint_twice",
    );
    expect(await plan(dialect, [mine, other])).toBe("attestation.several_calls");
    expect(await plan(dialect, [other, mine])).toBe("attestation.several_calls");
    expect(await plan(dialect, [other, other])).toBe("attestation.fingerprint_not_found");
  });

  test("a plan of several calls, where the tenant takes it: one of them is for this server", async () => {
    const multi: Attempt = { policy: { multiServer: true } };
    const [mine, other] = [await entry(FINGERPRINT), await entry("mcp://other.example", "write_file")];
    expect(await plan(dialect, [mine, other], multi)).toBe("accepted");
    expect(await plan(dialect, [other, mine, other], multi)).toBe("accepted");
    expect(await plan(dialect, [mine, mine], multi)).toBe("attestation.fingerprint_twice");
    expect(await plan(dialect, [mine, await entry(FINGERPRINT, "write_file"), other], multi)).toBe(
      "attestation.fingerprint_twice",
    );
    expect(await plan(dialect, [other, other], multi)).toBe("attestation.fingerprint_not_found");
    // The tool and the arguments are those that the plan has for this server, not those for another.
    expect(await plan(dialect, [mine, other], { ...multi, tool: "write_file" })).toBe(
      "attestation.tool_differs",
    );
    const elsewhere = { ...other, name: TOOL, ...(await commit(dialect, "{}")) };
    expect(await plan(dialect, [elsewhere, mine], { ...multi, args: "{}" })).toBe(
      "attestation.redacted_not_allowed",
    );
  });

  test("another tool", async () => {
    for (const tool of ["read_file", "Delete_file", "delete_file2"]) {
      expect(await plan(dialect, [await entry(FINGERPRINT)], { tool })).toBe("attestation.tool_differs");
    }
  });
});

const digestOnly = (digest: string): string => `{"digest":"${digest}"}`;

describe.each(dialects)("arguments, dialect %s", (dialect) => {
  test("the arguments or their digest", async () => {
    const respelled = '{ "recursive": false, "path": "\\u002farchive/2024-Q3.md" }';
    for (const projection of [ARGS, digestOnly(ARGS_DIGEST)]) {
      expect(await against(dialect, projection, ARGS)).toBe("accepted");
      expect(await against(dialect, projection, respelled)).toBe("accepted");
    }
  });

  test("no arguments count as {}, and nothing else does", async () => {
    expect(await against(dialect, "{}", null)).toBe("accepted");
    expect(await against(dialect, "{}", "{}")).toBe("accepted");
    expect(await against(dialect, "null", null)).toBe("attestation.redacted_not_allowed");
    expect(await against(dialect, "[]", null)).toBe("attestation.redacted_not_allowed");
    expect(await against(dialect, ARGS, null)).toBe("attestation.redacted_not_allowed");
  });

  test("other arguments", async () => {
    const others = [
      '{"path":"/keep/forever.md","recursive":false}',
      '{"path":"/archive/2024-Q3.md","recursive":true}',
      '{"path":"/archive/2024-Q3.md"}',
      '{"path":"/archive/2024-Q3.md","recursive":false,"__proto__":{}}',
      '{"path":"/archive/2024-Q3.md","recursive":false,"toJSON":1}',
    ];
    for (const other of others) {
      expect(await against(dialect, ARGS, other)).toBe("attestation.redacted_not_allowed");
      expect(await against(dialect, digestOnly(ARGS_DIGEST), other)).toBe("attestation.hash_only_mismatch");
    }
  });

  test("a redacted projection, subset of the arguments or not", async () => {
    for (const projection of ['{"path":"/archive/2024-Q3.md"}', '{"path":"<redacted>"}', "{}", '"x"', "1"]) {
      expect(await against(dialect, projection, ARGS)).toBe("attestation.redacted_not_allowed");
    }
  });

  test("arguments that look like a digest", async () => {
    const args = digestOnly(ARGS_DIGEST);
    expect(await against(dialect, args, args)).toBe("accepted");
    expect(await against(dialect, digestOnly(`sha256:${"0".repeat(64)}`), args)).toBe(
      "attestation.hash_only_mismatch",
    );
  });

  test("what merely resembles a digest is a redaction", async () => {
    const hex = ARGS_DIGEST.slice(7);
    const projections = [
      `{"digest":"${hex}"}`,
      `{"digest":"${ARGS_DIGEST.toUpperCase()}"}`,
      `{"digest":"${ARGS_DIGEST}0"}`,
      `{"digest":["${ARGS_DIGEST}"]}`,
      `{"digest":"${ARGS_DIGEST}","note":1}`,
      `{"Digest":"${ARGS_DIGEST}"}`,
    ];
    for (const projection of projections) {
      expect(await against(dialect, projection, ARGS)).toBe("attestation.redacted_not_allowed");
    }
  });

  test("a projection that is not strict JSON", async () => {
    const projections = [
      "",
      "{",
      `${ARGS} x`,
      '{"a":1,"a":1}',
      '{"a":-0}',
      '{"a":9007199254740993}',
      "\ufeff{}",
    ];
    for (const projection of projections) {
      expect(await against(dialect, projection, ARGS)).toBe("attestation.projection_not_json");
    }
  });
});

describe.each(dialects)("redacted projections, dialect %s", (dialect) => {
  const args = '{"amount":5,"to":{"iban":"X1","note":null},"tags":["a","b"]}';
  const show = async (projection: string, policy: Attempt["policy"], tool = TOOL) =>
    plan(dialect, [{ name: tool, serverFingerprint: FINGERPRINT, ...(await commit(dialect, projection)) }], {
      args,
      tool,
      policy,
    });
  const subset: Attempt["policy"] = { redactedTools: [{ tool: TOOL }] };
  const unsafe: Attempt["policy"] = { redactedTools: [{ tool: TOOL, unsafeAnyProjection: true }] };

  const parts = ['{"amount":5}', '{"to":{"iban":"X1"}}', '{"to":{"note":null}}', '{"tags":["a","b"]}', "{}"];
  test.each(parts)("%s is a part of the arguments", async (projection) => {
    expect(await show(projection, {})).toBe("attestation.redacted_not_allowed");
    expect(await show(projection, subset)).toBe("accepted");
    expect(await show(projection, unsafe)).toBe("accepted");
  });

  const others = [
    '{"amount":6}',
    '{"amount":"5"}',
    '{"amount":null}',
    '{"Amount":5}',
    '{"amount":5,"constructor":{}}',
    '{"__proto__":{}}',
    '{"toString":1}',
    '{"tags":["a"]}',
    '{"tags":["b","a"]}',
    '{"tags":{}}',
    '{"to":{"iban":"X2"}}',
    '{"to":{"bic":"Y","iban":"X1"}}',
    '{"to":"X1"}',
    "null",
    "[]",
    '"<redacted>"',
  ];
  test.each(others)("%s is not", async (projection) => {
    expect(await show(projection, subset)).toBe("attestation.redacted_not_subset");
    expect(await show(projection, unsafe)).toBe("accepted");
  });

  test.each([
    ['{"amount":5}', '{"amount":5,"Amount":500}'],
    ['{"amount":5}', '{"amount":5,"amount\\u0000":500}'],
    ['{"tags":[]}', '{"tags":[],"tag\u017f":["x"]}'],
    ['{"to":{"iban":"X1"}}', '{"to":{"iban":"X1","IBAN":"X2"}}'],
    ['{"Amount":5}', '{"Amount":5,"amount":500}'],
  ])("%s leaves out another spelling of what it shows in %j", async (projection, run) => {
    const entry = { name: TOOL, serverFingerprint: FINGERPRINT, ...(await commit(dialect, projection)) };
    expect(await plan(dialect, [entry], { args: run, policy: subset })).toBe(
      "attestation.redacted_not_subset",
    );
    const shown = {
      name: TOOL,
      serverFingerprint: FINGERPRINT,
      ...(await commit(dialect, canonical(JSON.parse(run)))),
    };
    expect(await plan(dialect, [shown], { args: run, policy: subset })).toBe("accepted");
  });

  test("one tool's leave is not another's", async () => {
    expect(await show('{"amount":5}', subset, "write_file")).toBe("attestation.redacted_not_allowed");
  });

  test("a wrong digest is no redaction, and what is wrong without one stays wrong", async () => {
    const other = digestOnly(`sha256:${"0".repeat(64)}`);
    expect(await show(other, subset)).toBe("attestation.hash_only_mismatch");
    expect(await show(other, unsafe)).toBe("attestation.hash_only_mismatch");
    expect(await show("{", unsafe)).toBe("attestation.projection_not_json");
    expect(await show('{"amount":5,"amount":5}', unsafe)).toBe("attestation.projection_not_json");
  });
});

describe("numbers in the arguments", () => {
  const against = async (dialect: Dialect, args: string, policy: Attempt["policy"]) =>
    plan(
      dialect,
      [
        {
          name: TOOL,
          serverFingerprint: FINGERPRINT,
          ...(await commit(dialect, canonical(JSON.parse(args)))),
        },
      ],
      { args, policy },
    );

  test.each([
    ["1", "integer"],
    ["1.5", "canonical"],
    ["1e+21", "canonical"],
    ["1e-7", "canonical"],
    ["1.50", "any"],
    ["1.0", "any"],
    ["1e0", "any"],
    ["1E+21", "any"],
    ["0.0000001", "any"],
  ] as const)("%s is taken by %s, and by what asks for less", async (token, strictest) => {
    const policies = ["any", "canonical", "integer"] as const;
    for (const policy of policies) {
      const taken = policies.indexOf(policy) <= policies.indexOf(strictest);
      const expected = taken ? "accepted" : "attestation.args_number";
      expect(await against("A", `{"a":[${token}]}`, { numbersA: policy })).toBe(expected);
      expect(await against("B", `{"a":[${token}]}`, { unsafeNumbersB: policy })).toBe(expected);
    }
  });

  test("one dialect's policy is not the other's", async () => {
    expect(await against("A", '{"a":1.5}', { unsafeNumbersB: "integer" })).toBe("accepted");
    expect(await against("B", '{"a":1.5}', { numbersA: "any" })).toBe("attestation.args_number");
  });
});

describe.each(dialects)("references, dialect %s", (dialect) => {
  const uri = "https://blobs.example/1";
  const referTo = async (content: Uint8Array<ArrayBuffer>): Promise<JsonObject> => {
    const digest = await sha256(content);
    return dialect === "A"
      ? { argsRef: { uri, digest: toBase64url(digest) } }
      : { args: { ref: uri, digest: `sha256:${toHex(digest)}` } };
  };
  const references = { hosts: ["blobs.example"], binding: "STORE" };
  type Content = string | Uint8Array<ArrayBuffer>;
  const bytes = (content: Content) => (typeof content === "string" ? utf8(content) : content);

  /** An envelope that refers to `signed`, held against ARGS where the store has `found`. */
  async function refer(
    signed: Content,
    found = signed,
    { beside = {}, ...attempt }: Attempt & { beside?: JsonObject } = {},
  ): Promise<{ verdict: string; asked: string[] }> {
    const asked: string[] = [];
    const call = { name: TOOL, serverFingerprint: FINGERPRINT, ...(await referTo(bytes(signed))), ...beside };
    const store = (url: string) => {
      asked.push(url);
      return new Response(bytes(found), { headers: { "content-type": "application/json" } });
    };
    const verdict = await plan(dialect, [call], { store, policy: { references }, ...attempt });
    return { verdict, asked };
  }

  /** Another spelling of ARGS: in A its digest says nothing, until it is there. */
  const RESPELLED = '{ "recursive": false, "path": "/archive/2024-Q3.md" }';

  test("the digest of the arguments: there is nothing to fetch", async () => {
    expect(await refer(ARGS, "{}")).toEqual({ verdict: "accepted", asked: [] });
    const respelled = '{"recursive":false, "path":"\\u002farchive/2024-Q3.md"}';
    expect(await refer(ARGS, "{}", { args: respelled })).toEqual({ verdict: "accepted", asked: [] });
  });

  test("another digest: fetched in A, where it may be of the same value", async () => {
    expect(await refer(RESPELLED)).toEqual(
      dialect === "A"
        ? { verdict: "accepted", asked: [uri] }
        : { verdict: "attestation.ref_content_mismatch", asked: [] },
    );
  });

  test("what is not the arguments", async () => {
    const others = [
      "{}",
      "",
      "null",
      digestOnly(ARGS_DIGEST),
      '{"path":"/archive/2024-Q3.md"}',
      RESPELLED.replace("{", '{"path":"/archive/2024-Q3.md",'),
      `${ARGS}${ARGS}`,
      `\ufeff${ARGS}`,
      new Uint8Array([0x7b, 0xff, 0x7d]),
    ];
    for (const other of others) {
      const asked = dialect === "A" ? [uri] : [];
      expect(await refer(other)).toEqual({ verdict: "attestation.ref_content_mismatch", asked });
    }
  });

  test("leave for redactions is none for references", async () => {
    const policy = { references, redactedTools: [{ tool: TOOL, unsafeAnyProjection: true }] };
    expect((await refer("{}", "{}", { policy })).verdict).toBe("attestation.ref_content_mismatch");
  });

  test("nothing is fetched before all else is right", async () => {
    const wrong: Attempt[] = [
      { fingerprints: ["mcp://other.example"] },
      { tool: "read_file" },
      { now: IAT + 331 },
      { now: IAT - 31 },
      { key: (await hmacKeys(new Uint8Array(32).fill(0x43))).verify },
      { key: ES256.verify },
      { args: '{"a":1.5}', policy: { references, numbersA: "integer" } },
      { policy: {} },
      { policy: { references: { hosts: ["other.example"], binding: "STORE" } } },
    ];
    for (const attempt of wrong) {
      const { verdict, asked } = await refer(RESPELLED, RESPELLED, attempt);
      expect(verdict).not.toBe("accepted");
      expect(asked).toEqual([]);
    }
  });

  test("another host, whatever the digest", async () => {
    const policy = { references: { hosts: ["other.example"], binding: "STORE" } };
    expect((await refer(ARGS, ARGS, { policy })).verdict).toBe("attestation.ref_host_not_allowed");
  });

  test.runIf(dialect === "A")("what the store does wrong, and what the operator does", async () => {
    for (const found of [`${RESPELLED} `, ARGS, "{}", ""])
      expect((await refer(RESPELLED, found)).verdict).toBe("attestation.ref_digest_mismatch");
    const store = () => new Response(RESPELLED, { status: 404 });
    expect((await refer(RESPELLED, RESPELLED, { store })).verdict).toBe("attestation.ref_unreachable");
    expect((await refer(RESPELLED, RESPELLED, { store: undefined })).verdict).toBe("reference.misconfigured");
  });

  test.runIf(dialect === "A")("beside a projection: both must hold", async () => {
    const beside = (argsProjection: string) => ({ beside: { argsProjection } });
    expect((await refer(ARGS, ARGS, beside(ARGS))).verdict).toBe("accepted");
    expect((await refer(RESPELLED, RESPELLED, beside(ARGS))).verdict).toBe("accepted");
    expect((await refer(RESPELLED, RESPELLED, beside(digestOnly(ARGS_DIGEST)))).verdict).toBe("accepted");
    expect((await refer(RESPELLED, "{}", beside(ARGS))).verdict).toBe("attestation.ref_digest_mismatch");
    expect((await refer("{}", "{}", beside(ARGS))).verdict).toBe("attestation.ref_content_mismatch");
    expect(await refer(RESPELLED, RESPELLED, beside("{}"))).toEqual({
      verdict: "attestation.redacted_not_allowed",
      asked: [],
    });
  });
});

describe("dialect A alone", () => {
  test("the projection need not be canonical", async () => {
    expect(await against("A", '{ "recursive":false, "path":"/archive/2024-Q3.md" }', ARGS)).toBe("accepted");
    expect(await against("A", `{ "digest": "${ARGS_DIGEST}" }`, ARGS)).toBe("accepted");
  });

  test("floats are committed to by value", async () => {
    expect(await against("A", '{"a":1.5}', '{"a":15e-1}')).toBe("accepted");
    expect(await against("A", '{"a":1.5}', '{"a":1.25}')).toBe("attestation.redacted_not_allowed");
  });

  test("references are not resolved, beside a good projection neither", async () => {
    const argsRef = { uri: "https://blobs.example/1", digest: "FvysLbuPXZETYrBBu9fiu2g5O0WFjRQUmDvkSt8999Q" };
    const call = { name: TOOL, serverFingerprint: FINGERPRINT };
    expect(await plan("A", [{ ...call, argsRef }])).toBe("attestation.ref_resolver_off");
    expect(await plan("A", [{ ...call, argsRef, argsProjection: ARGS }])).toBe(
      "attestation.ref_resolver_off",
    );
  });
});

describe("dialect B alone", () => {
  test("the projection is canonical", async () => {
    for (const projection of [` ${ARGS}`, '{"recursive":false,"path":"/archive/2024-Q3.md"}']) {
      expect(await against("B", projection, ARGS)).toBe("attestation.projection_not_canonical");
    }
  });

  test("the digest of the projection is right", async () => {
    const args = { projection: ARGS, projectionDigest: `sha256:${"0".repeat(64)}` };
    const meta = JSON.stringify(await signed(withCall(await draft("B"), { args })));
    expect(await judge({ meta })).toBe("attestation.projection_digest_mismatch");
  });

  test("the arguments have integers only, as tokens", async () => {
    expect(await against("B", '{"a":[1,-2]}', '{"a":[1,-2]}')).toBe("accepted");
    // The same characters inside strings and names are no numbers.
    expect(await against("B", '{"1.5":"2e3"}', '{"1.5":"2e3"}')).toBe("accepted");
    for (const token of ["1.0", "1e0", "10E-1"]) {
      expect(await against("B", '{"a":[1]}', `{"a":[${token}]}`)).toBe("attestation.args_number");
      expect(await against("B", '{"a":[1]}', `{"b":"}", "a":[{"c":${token}}]}`)).toBe(
        "attestation.args_number",
      );
    }
    expect(await against("B", '{"a":1.5}', '{"a":1.5}')).toBe("attestation.args_number");
  });

  test("a float elsewhere in the body is not its concern", async () => {
    const envelope = await signed(await draft("B"));
    expect(await judge({ meta: JSON.stringify(envelope), otherMeta: '"progressToken": 1.5' })).toBe(
      "accepted",
    );
  });

  test("references are not resolved", async () => {
    const args = { ref: "cid://blob/1", digest: ARGS_DIGEST };
    const meta = JSON.stringify(await signed(withCall(await draft("B"), { args })));
    expect(await judge({ meta })).toBe("attestation.ref_resolver_off");
  });
});

describe("the nonce key", () => {
  const verified: VerifiedAttestation = {
    agent: agentNamed("archiver"),
    iss: "issuer://test",
    nonce: "n",
    iat: 0,
    calls: [
      {
        name: TOOL,
        serverFingerprint: "f",
        commitment: { projection: { text: "{}", digest: null }, reference: null },
      },
    ],
    dialect: "A",
    hasUnknownMembers: false,
    lastAcceptable: 330,
    digest: "sha256:00",
  };
  const keyOf = async (changes: Partial<VerifiedAttestation>, tenant = "acme") => {
    const attestation = { ...verified, ...changes };
    const fingerprints = new Set(attestation.calls.map(({ serverFingerprint }) => serverFingerprint));
    const bodyText = '{"params":{}}';
    const call = { tenant, fingerprints, tool: TOOL, arguments: {}, bodyText };
    const bound = await bindAttestation(attestation, call, policyOf());
    return bound.ok ? bound.value.nonceKey : bound.error;
  };

  test("is the digest of tenant, iss, nonce and fingerprint, and of nothing else", async () => {
    // SHA-256 of ["acme","issuer://test","n","f"]
    expect(await keyOf({})).toBe("EjXCBmnABBPcNhTVETcU3YamOaTW9LKT2B79Q7nSa-s");
    expect(await keyOf({ agent: agentNamed("other"), iat: 5, dialect: "C" })).toBe(await keyOf({}));
  });

  test("differs where any of the four does", async () => {
    const calls = verified.calls.map((call) => ({ ...call, serverFingerprint: "g" }));
    const keys = [
      await keyOf({}),
      await keyOf({}, "globex"),
      await keyOf({ iss: "issuer://other" }),
      await keyOf({ nonce: "m" }),
      await keyOf({ calls }),
      await keyOf({ iss: 'issuer://test","n', nonce: "" }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
