/** One change of a request as it goes over the wire. */

import { createHash } from "node:crypto";
import { withHeader } from "../socket/messages.ts";
import { toBytes, toChunks, type Wire } from "../socket/raw.ts";
import type { Random } from "../support/random.ts";
import {
  ATTESTATION_CHANGES,
  DIGEST_CHANGES,
  INPUT_CHANGES,
  JSON_CHANGES,
  JWS_CHANGES,
  otherHex,
  SIGNATURE_CHANGES,
  splice,
  type TextChange,
  VALUE_CHANGES,
} from "./texts.ts";

export interface Mutant {
  readonly name: string;
  readonly wire: Wire;
  readonly bytes: Uint8Array;
}

/** Null where a request has nothing to change in this way. */
type Mutation = (wire: Wire, other: Wire, random: Random) => readonly [name: string, wire: Wire] | null;

const IN_FIELDS: Readonly<Record<string, Readonly<Record<string, TextChange>>>> = {
  authorization: JWS_CHANGES,
  "act-mandate": JWS_CHANGES,
  "act-record": JWS_CHANGES,
  "workload-identity-token": JWS_CHANGES,
  "wimse-ect": JWS_CHANGES,
  "execution-context": JWS_CHANGES,
  "x-mcp-attestation": ATTESTATION_CHANGES,
  "signature-input": INPUT_CHANGES,
  signature: SIGNATURE_CHANGES,
  "content-digest": DIGEST_CHANGES,
};

/** One of a table's changes of one header; the name says both. */
function changeField(
  wire: Wire,
  field: string,
  changes: Readonly<Record<string, TextChange>>,
  random: Random,
): readonly [string, Wire] | null {
  const [name, change] = random.pick(Object.entries(changes));
  let changed: string | null = null;
  const headers = wire.headers.map(([header, value]) => {
    if (header.toLowerCase() !== field || value === "") return [header, value] as const;
    changed = change(value, random);
    return [header, changed ?? value] as const;
  });
  return changed === null ? null : [`${field}: ${name}`, { ...wire, headers }];
}

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "a header's value"(wire, _, random) {
    const [header] = random.pick(wire.headers);
    return changeField(wire, header.toLowerCase(), VALUE_CHANGES, random);
  },
  "evidence, by its own grammar"(wire, _, random) {
    const fields = wire.headers.map(([name]) => name.toLowerCase()).filter((name) => name in IN_FIELDS);
    const field = random.pick(fields);
    return changeField(wire, field, IN_FIELDS[field] ?? {}, random);
  },
  "a header dropped"(wire, _, { pick }) {
    const [name] = pick(wire.headers);
    return [name, withHeader(wire, name.toLowerCase(), null)];
  },
  "a header's line repeated"(wire, _, random) {
    const [name, value] = random.pick(wire.headers);
    const again = random.pick([value, VALUE_CHANGES["bit flipped"]?.(value || "x", random) ?? value]);
    return [name, { ...wire, headers: [...wire.headers, [name, again]] }];
  },
  "a header's name"(wire, _, { below, pick }) {
    const at = below(wire.headers.length);
    const [name, value] = wire.headers[at] ?? ["", ""];
    const changed = pick([
      name.toUpperCase(),
      name.replaceAll("-", "_"),
      `${name} `,
      `x-${name}`,
      name.slice(1),
    ]);
    return [`${name} to ${changed}`, { ...wire, headers: wire.headers.with(at, [changed, value]) }];
  },
  "the order of headers": (wire, _, { shuffle }) => ["all", { ...wire, headers: shuffle(wire.headers) }],
  "a header more"(wire, other, { pick }) {
    const added = pick([...ADDED, ...other.headers.filter(([name]) => name !== "Host")]);
    return [added[0], { ...wire, headers: [...wire.headers, added] }];
  },
  "another call's header in its place"(wire, other, { pick }) {
    const [name, value] = pick(other.headers);
    return [name, withHeader(wire, name.toLowerCase(), value)];
  },
  "another call's evidence of one kind"(wire, other, { pick }) {
    const kind = pick([
      ["signature", "signature-input"],
      ["authorization", "act-mandate"],
      ["workload-identity-token"],
      ["workload-identity-token", "signature", "signature-input"],
      ["wimse-ect", "execution-context"],
      ["content-digest"],
      ["wimse-ect", "execution-context", "signature", "signature-input"],
    ]);
    const isKind = ([name]: readonly [string, string]) => kind.includes(name.toLowerCase());
    const rest = wire.headers.filter((line) => !isKind(line));
    return [kind.join(), { ...wire, headers: [...rest, ...other.headers.filter(isKind)] }];
  },
  "another call's body": (wire, other) => ["body", { ...wire, body: other.body }],
  "another call's headers": (wire, other) => ["headers", { ...wire, headers: other.headers }],
  method(wire, _, { pick }) {
    const method = pick(["GET", "POST", "DELETE", "PUT", "OPTIONS", "PATCH", "QUERY"]);
    return method === wire.method ? null : [method, { ...wire, method }];
  },
  target(wire, _, { pick, below }) {
    const { target } = wire;
    const changed = pick([
      `${target}/`,
      `${target}?`,
      `${target}?x=1`,
      `/${target}`,
      `/x/..${target}`,
      `/.${target}`,
      `/%61${target.slice(2)}`,
      target.toUpperCase(),
      target.replaceAll("/", "\\"),
      target.replace(/[a-z]+/, pick(["quiet", "acme", "loose", "six", "seven"])),
      splice(target, below(target.length), 1, pick(["%2F", "x", "%", ";"])),
      `http://other.test${target}`,
      `${target}#x`,
    ]);
    return [changed, { ...wire, target: changed }];
  },
  "the body's bytes"(wire, _, { below, pick }) {
    if (wire.body.length === 0)
      return ["a body at all", { ...wire, body: Buffer.from(pick(["{}", " ", "\0"])) }];
    const body = Buffer.from(wire.body);
    const at = below(body.length);
    return pick([
      () =>
        ["bit flipped", { ...wire, body: body.fill((body[at] ?? 0) ^ (1 << below(8)), at, at + 1) }] as const,
      () => ["cut short", { ...wire, body: body.subarray(0, at) }] as const,
      () => ["sent twice", { ...wire, body: Buffer.concat([body, body]) }] as const,
      () =>
        [
          "byte inserted",
          {
            ...wire,
            body: Buffer.concat([body.subarray(0, at), Buffer.from([below(256)]), body.subarray(at)]),
          },
        ] as const,
    ])();
  },
  "the body's JSON": (wire, _, random) => changeBody(wire, random),
  "the body's JSON, with its digest"(wire, _, random) {
    const changed = changeBody(wire, random);
    if (changed === null) return null;
    const [name, { body }] = changed;
    return [name, withHeader({ ...wire, body }, "content-digest", digestOf(body))];
  },
  "the body's framing": (wire) => (wire.body.length === 0 ? null : ["chunked", wire]),
};

/** Of what comes beside the evidence, or instead of it. */
const ADDED: readonly (readonly [string, string])[] = [
  ["X-HTTP-Method-Override", "DELETE"],
  ["X-Forwarded-Host", "other.test"],
  ["Forwarded", "host=other.test;proto=https"],
  ["X-Original-URL", "/quiet/mcp"],
  ["Content-Encoding", "identity"],
  ["Content-Encoding", "gzip"],
  ["Mcp-Session-Id", "AAAA"],
  ["Mcp-Protocol-Version", "2026-07-28"],
  ["Mcp-Method", "tools/list"],
  ["Mcp-Name", "write"],
  ["mcp_session_id", "s-reader"],
  ["Last-Event-ID", "9"],
  ["Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
  ["Cookie", "a=b"],
  ["Proxy-Authorization", "Bearer x"],
  ["DPoP", "x.y.z"],
  ["ACT-Record", "x.y.z"],
  ["Txn-Token", "x.y.z"],
  ["Signature-Agent", '"https://bot.test"'],
  ["Workload-Identity-Token", "x.y.z"],
  ["X-MCP-Attestation", "e30"],
  ["Connection", "wimse-ect"],
  ["Connection", "content-type, signature"],
  ["Origin", "https://evil.test"],
];

function changeBody(wire: Wire, random: Random): readonly [string, Wire] | null {
  if (wire.body.length === 0) return null;
  const [name, change] = random.pick(Object.entries(BODY_CHANGES));
  const changed = change(Buffer.from(wire.body).toString("latin1"), random);
  return changed === null ? null : [name, { ...wire, body: Buffer.from(changed, "latin1") }];
}

const BODY_CHANGES: Readonly<Record<string, TextChange>> = {
  ...JSON_CHANGES,
  "its attestation's other signature": (text) => text.replace(/(?<="signature":")[0-9a-f]{128}/, otherHex),
};

const digestOf = (body: Uint8Array): string =>
  `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;

/** A mutant of a request, made in the n-th way: all ways are taken in turn. */
export function mutate(n: number, wire: Wire, other: Wire, random: Random): Mutant {
  const ways = Object.entries(MUTATIONS);
  for (let way = n; ; way += 1) {
    const [kind, mutation] = ways[way % ways.length] as (typeof ways)[number];
    const made = mutation(wire, other, random);
    if (made === null) continue;
    const [name, changed] = made;
    const bytes = kind === "the body's framing" ? toChunks(changed, 7) : toBytes(changed);
    return { name: `${kind}, ${name}`, wire: changed, bytes };
  }
}

/** How many ways there are. */
export const WAYS = Object.keys(MUTATIONS).length;
