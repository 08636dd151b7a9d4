/** What an administrator sends: one revocation, said in full and in one way, or nothing is revoked. */

import { describe, expect, test } from "vitest";
import { utf8 } from "../../src/encoding.ts";
import { runId } from "../../src/endpoints/endpoint.ts";
import { keptOfRevocation, readRevocation } from "../../src/endpoints/revocations.ts";
import { MAX_REVOCATION_REASON } from "../../src/limits.ts";
import { outcome, unwrap } from "../support/acme.ts";

const read = (json: unknown) => readRevocation(utf8(typeof json === "string" ? json : JSON.stringify(json)));

const THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
const RUN = runId('["jti","https://issuer.example","m"]');
const GOOD = [
  { kind: "mandate", iss: "https://issuer.example", jti: "m-1" },
  { kind: "token", iss: "https://issuer.example", jti: "t-1" },
  { kind: "agent", name: "reader" },
  { kind: "subject", iss: "https://as.example", sub: "client-1" },
  { kind: "key", thumbprint: THUMBPRINT },
  { kind: "issuer", iss: "https://issuer.example" },
  { kind: "run", run: RUN },
  { kind: "tenant" },
  { kind: "document", version: 7 },
];

describe("taken", () => {
  test.each(GOOD)("$kind", (revoked) => {
    expect(unwrap(read(revoked))).toEqual({ revoked, reason: null, until: null });
    const more = { reason: "left", until: 1_772_064_000 };
    expect(unwrap(read({ ...more, ...revoked }))).toEqual({ revoked, ...more });
  });
});

describe("refused", () => {
  test.each(GOOD)("$kind with a member too many, one too few, and one of another type", (revoked) => {
    const members = Object.entries(revoked);
    const wrong = [
      { ...revoked, jtl: "m" },
      ...members.map(([name]) => ({ ...revoked, [name]: undefined })),
      ...members.flatMap(([name]) =>
        [null, true, 1.5, "", " ", [], {}].map((value) => ({ ...revoked, [name]: value })),
      ),
    ];
    for (const body of wrong) expect([body, outcome(read(body))]).toEqual([body, "revocation.malformed"]);
  });

  test.each<[string, unknown]>([
    ["nothing", ""],
    ["no object", [{ kind: "tenant" }]],
    ["two", '{"kind":"tenant"}{"kind":"tenant"}'],
    ["a member twice", '{"kind":"agent","name":"a","name":"b"}'],
    ["a kind that every object has", { kind: "constructor" }],
    ["a member that is none of its own", '{"kind":"tenant","__proto__":{}}'],
    ["a name with a space", { kind: "agent", name: "a b" }],
    ["a thumbprint that is none", { kind: "key", thumbprint: THUMBPRINT.slice(1) }],
    ["a thumbprint in another alphabet", { kind: "key", thumbprint: `${THUMBPRINT}=` }],
    ["a run that has another name", { kind: "run", run: `${RUN}=` }],
    ["a version of nothing", { kind: "document", version: 0 }],
    ["a version that is no integer", { kind: "document", version: "7" }],
    ["an end before all time", { kind: "tenant", until: -1 }],
    ["an end in words", { kind: "tenant", until: "2030-01-01T00:00:00Z" }],
    ["a long reason", { kind: "tenant", reason: "x".repeat(MAX_REVOCATION_REASON + 1) }],
    ["a reason that is no text", { kind: "tenant", reason: { text: "x" } }],
  ])("%s", (_, body) => expect(outcome(read(body))).toBe("revocation.malformed"));

  test("what is not UTF-8", () => {
    const body = utf8('{"kind":"agent","name":"a"}');
    body[24] = 0xff;
    expect(outcome(readRevocation(body))).toBe("revocation.malformed");
  });
});

test("the audit log keeps what is short of it", () => {
  const iss = `https://${"x".repeat(300)}.example`;
  const revocation = unwrap(read({ kind: "mandate", iss, jti: "m", until: 1 }));
  expect(keptOfRevocation(revocation)).toEqual({ "/kind": "mandate", "/jti": "m", "/until": 1 });
});
