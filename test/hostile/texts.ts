/** Changes of texts: of any value's bytes, of JSON, of compact JWS, of structured fields. */

import { otherSignature } from "../support/malleable.ts";
import type { Random } from "../support/random.ts";

/** Null where the text has nothing to change in this way. */
export type TextChange = (text: string, random: Random) => string | null;

export const splice = (text: string, at: number, gone: number, put: string): string =>
  text.slice(0, at) + put + text.slice(at + gone);

// -- any value of a header ----------------------------------------------------------------------------------

/** Bytes that a header value can have; CR, LF and NUL make no value of it. */
const valueByte = ({ pick, below }: Random): string =>
  String.fromCharCode(pick([9, 32 + below(95), 128 + below(128)]));

export const VALUE_CHANGES: Readonly<Record<string, TextChange>> = {
  "bit flipped": (text, { below }) => {
    const at = below(text.length);
    const byte = text.charCodeAt(at) ^ (1 << below(8));
    return splice(text, at, 1, [0, 10, 13].includes(byte) ? "~" : String.fromCharCode(byte));
  },
  "byte replaced": (text, random) => splice(text, random.below(text.length), 1, valueByte(random)),
  "byte inserted": (text, random) => splice(text, random.below(text.length + 1), 0, valueByte(random)),
  "byte removed": (text, { below }) => splice(text, below(text.length), 1, ""),
  "cut short": (text, { below }) => text.slice(0, below(text.length)),
  "begun late": (text, { below }) => text.slice(below(text.length)),
  "written twice": (text, { pick }) => text + pick(["", ",", ", ", ";", " "]) + text,
  "white space around": (text) => ` \t${text}  `,
  "in capitals": (text) => text.toUpperCase(),
  "in small letters": (text) => text.toLowerCase(),
  "a part turned round": (text, { below }) => {
    const at = below(text.length);
    return splice(text, at, 4, [...text.slice(at, at + 4)].reverse().join(""));
  },
};

// -- JSON ---------------------------------------------------------------------------------------------------

/** Any match of a pattern, replaced. */
const anywhere =
  (pattern: RegExp, put: (match: string, random: Random) => string): TextChange =>
  (text, random) => {
    const matches = [...text.matchAll(pattern)];
    if (matches.length === 0) return null;
    const { index, 0: match } = random.pick(matches);
    return splice(text, index, match.length, put(match, random));
  };

const STRING = /"(?:[^"\\]|\\.)+"/g;
const NUMBER = /(?<=[:,[]\s*)-?\d+(?=[,}\]])/g;

/** Meaning kept or changed: strict parsers must take none of it for what was signed. */
export const JSON_CHANGES: Readonly<Record<string, TextChange>> = {
  "a space": anywhere(/[:,{}[\]]/g, (mark, { pick }) => pick([`${mark} `, ` ${mark}`, `${mark}\n`])),
  "an escape": anywhere(STRING, (text, { below }) => {
    const at = 1 + below(text.length - 2);
    const code = text.charCodeAt(at);
    return text[at] === "\\" || text[at - 1] === "\\"
      ? text
      : splice(text, at, 1, `\\u${code.toString(16).padStart(4, "0")}`);
  }),
  "another character": anywhere(STRING, (text, { below }) =>
    splice(text, 1 + below(text.length - 2), 1, "x"),
  ),
  "another number": anywhere(NUMBER, (text, { pick }) =>
    pick([String(Number(text) + 1), String(-Number(text)), "0", `${text}0`]),
  ),
  "a number spelled otherwise": anywhere(NUMBER, (text, { pick }) =>
    pick([`${text}.0`, `${text}e0`, `${text}E+0`, `0${text}`, `+${text}`]),
  ),
  "another literal": anywhere(/\b(?:true|false|null)\b/g, (text) => (text === "true" ? "false" : "true")),
  "another type": anywhere(STRING, (text, { pick }) => pick([`[${text}]`, "null", "1", `{"x":${text}}`])),
  "a member dropped": anywhere(/"(?:[^"\\]|\\.)+":(?:"(?:[^"\\]|\\.)*"|-?\d+|\[[^[\]{}]*\]),/g, () => ""),
  "a member twice": anywhere(
    /"(?:[^"\\]|\\.)+":(?:"(?:[^"\\]|\\.)*"|-?\d+),/g,
    (text, { pick }) => text + text.replace(/:.*/, pick([":0,", ":null,", text.slice(text.indexOf(":"))])),
  ),
  "a member added": anywhere(/\{/g, (_, { pick }) => pick(['{"x":1,', '{"__proto__":{},', '{"":null,'])),
  "members turned round": (text) => {
    const value: unknown = parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? JSON.stringify(Object.fromEntries(Object.entries(value).reverse()))
      : null;
  },
  "a mark in front": (text, { pick }) => pick(["\u00ef\u00bb\u00bf", " ", "\n", "[", "\u00a0"]) + text,
  "something behind": (text, { pick }) => text + pick([" ", "\n", "{}", "]", "\u0000", "//", ","]),
};

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// -- base64url, hex -----------------------------------------------------------------------------------------

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Other spellings of the same bytes, and nearly the same ones. */
export const BASE64URL_CHANGES: Readonly<Record<string, TextChange>> = {
  padding: (text) => text + "=".repeat((4 - (text.length % 4)) % 4 || 1),
  "unused bits": (text) =>
    text.length % 4 === 0 ? null : text.slice(0, -1) + ALPHABET[ALPHABET.indexOf(text.slice(-1)) ^ 1],
  "the other alphabet": (text) => text.replaceAll("-", "+").replaceAll("_", "/"),
  "a character less": (text) => text.slice(0, -1),
  "a character more": (text) => `${text}A`,
  "a space inside": (text, { below }) => splice(text, below(text.length), 0, " "),
};

const fromBase64url = (text: string): string => Buffer.from(text, "base64url").toString("latin1");
const toBase64url = (text: string): string => Buffer.from(text, "latin1").toString("base64url");

const chosen = (changes: Readonly<Record<string, TextChange>>, text: string, random: Random): string | null =>
  random.pick(Object.values(changes))(text, random);

// -- compact JWS --------------------------------------------------------------------------------------------

/** The n-th part of the token, behind whatever scheme stands before it. */
const inPart =
  (n: number, change: TextChange): TextChange =>
  (value, random) => {
    const at = value.lastIndexOf(" ") + 1;
    const parts = value.slice(at).split(".");
    const part = parts[n];
    if (parts.length !== 3 || part === undefined) return null;
    const changed = change(part, random);
    return changed === null ? null : value.slice(0, at) + parts.with(n, changed).join(".");
  };

const inJson: TextChange = (part, random) => {
  const changed = chosen(JSON_CHANGES, fromBase64url(part), random);
  return changed === null ? null : toBase64url(changed);
};

const withHeader = (changes: Readonly<Record<string, unknown>>): TextChange =>
  inPart(0, (part) => toBase64url(JSON.stringify({ ...(parse(fromBase64url(part)) as object), ...changes })));

const malleated: TextChange = (part) => {
  const bytes = Buffer.from(part, "base64url");
  return bytes.length === 64 ? otherSignature(bytes).toString("base64url") : null;
};

/** Only the last of them leaves a token of ES256 as good as it was; of Ed25519 none. */
export const JWS_CHANGES: Readonly<Record<string, TextChange>> = {
  "its header's JSON": inPart(0, inJson),
  "its claims' JSON": inPart(1, inJson),
  "its header's spelling": inPart(0, (part, random) => chosen(BASE64URL_CHANGES, part, random)),
  "its claims' spelling": inPart(1, (part, random) => chosen(BASE64URL_CHANGES, part, random)),
  "its signature's spelling": inPart(2, (part, random) => chosen(BASE64URL_CHANGES, part, random)),
  "no signature": inPart(2, () => ""),
  "alg none": withHeader({ alg: "none" }),
  "alg HS256": withHeader({ alg: "HS256" }),
  "another kid": withHeader({ kid: "writer-1" }),
  "a key of its own": withHeader({ jwk: { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } }),
  "a crit": withHeader({ crit: ["b64"], b64: false }),
  "its claims alone": (value) => value.slice(0, value.lastIndexOf(" ") + 1) + (value.split(".")[1] ?? ""),
  // An ECT of level 1.
  "the JSON of what has no dots": (value, random) => (value.includes(".") ? null : inJson(value, random)),
  "the other signature": inPart(2, malleated),
};

// -- the attestation ----------------------------------------------------------------------------------------

export const ATTESTATION_CHANGES: Readonly<Record<string, TextChange>> = {
  "its JSON": inJson,
  "its spelling": (text, random) => chosen(BASE64URL_CHANGES, text, random),
  "its signature in capitals": (text) => {
    const json = fromBase64url(text).replace(/(?<="signature":")[0-9a-f]+/, (hex) => hex.toUpperCase());
    return toBase64url(json);
  },
  "its other signature": (text) =>
    toBase64url(fromBase64url(text).replace(/(?<="signature":")[0-9a-f]{128}/, otherHex)),
};

export const otherHex = (hex: string): string => otherSignature(Buffer.from(hex, "hex")).toString("hex");

// -- signature fields and digest ----------------------------------------------------------------------------

const inList = (change: (items: string[], random: Random) => string[]): TextChange => {
  const pattern = /\(([^)]*)\)/;
  return (text, random) =>
    text.replace(pattern, (_, list: string) => `(${change(list.split(" "), random).join(" ")})`);
};

const PARAMETER = /;[a-z-]+=(?:"[^"]*"|\d+)/g;

export const INPUT_CHANGES: Readonly<Record<string, TextChange>> = {
  "components in another order": inList((items, { shuffle }) => shuffle(items)),
  "a component dropped": inList((items, { below }) => items.toSpliced(below(items.length), 1)),
  "a component repeated": inList((items, { pick }) => [...items, pick(items)]),
  "a component added": inList((items, { pick }) => [
    ...items,
    pick(['"accept"', '"@path"', '"@query"', '"host"']),
  ]),
  "a component in capitals": inList((items, { below }) => {
    const at = below(items.length);
    return items.with(at, (items[at] ?? "").toUpperCase());
  }),
  "a component with a parameter": inList((items, { below, pick }) => {
    const at = below(items.length);
    return items.with(at, `${items[at]}${pick([";req", ";sf", ";bs", ";tr", ';key="x"', ";req=?0", ";x"])}`);
  }),
  "no components": inList(() => []),
  "spaces in the list": (text) => text.replace("(", "(  ").replace(")", "   )"),
  "spaces behind semicolons": (text) => text.replaceAll(";", ";  "),
  "a parameter dropped": anywhere(PARAMETER, () => ""),
  "a parameter twice": anywhere(
    PARAMETER,
    (text, { pick }) => text + text.replace(/=.*/, pick(["=1", '="x"', ""])),
  ),
  "parameters in another order": (text, { shuffle }) => {
    const parameters = text.match(PARAMETER) ?? [];
    return text.replace(PARAMETER, "") + shuffle(parameters).join("");
  },
  "a parameter added": (text, { pick }) =>
    text + pick([";x", ';tag="wimse"', ';alg="hmac-sha256"', ";n=1.0"]),
  "a time spelled otherwise": anywhere(/(?<=;(?:created|expires)=)\d+/g, (text, { pick }) =>
    pick([`${text}.0`, `0${text}`, `"${text}"`, `@${text}`, `-${text}`, `${Number(text) + 1}`]),
  ),
  "another label": (text) => text.replace(/^[a-z*][a-z0-9]*/, "mine"),
  "a label in front": (text) => `o=("@method");created=1;keyid="zed", ${text}`,
  "the label twice": (text) => `${text}, ${text}`,
};

export const SIGNATURE_CHANGES: Readonly<Record<string, TextChange>> = {
  "no padding": (text) => text.replace(/=+:$/, ":"),
  "unused bits set": (text) =>
    text.replace(/([AQgw])==:$/, (_, c: string) => `${String.fromCharCode(c.charCodeAt(0) + 1)}==:`),
  "the other alphabet": (text) => text.replaceAll("+", "-").replaceAll("/", "_"),
  "a parameter of the value": (text) => `${text};x`,
  "one more value": (text) => `${text}, more=:AAAA:`,
  "the value as a string": (text) => text.replaceAll(":", '"'),
  "the other signature of ECDSA": (text) =>
    text.replace(/:([^:]*):/, (_, value: string) => {
      const bytes = Buffer.from(value, "base64");
      return bytes.length === 64 ? `:${otherSignature(bytes).toString("base64")}:` : `:${value}:`;
    }),
  "another label": (text) => text.replace(/^[a-z*][a-z0-9]*/, "mine"),
};

export const DIGEST_CHANGES: Readonly<Record<string, TextChange>> = {
  "another algorithm's name": (text, { pick }) =>
    text.replace("sha-256", pick(["sha-512", "sha", "md5", "SHA-256"])),
  "an algorithm more": (text, { pick }) => text + pick([", md5=:AAAA:", ", sha-512=:AAAA:", ", x=1"]),
  "the value twice": (text) => `${text}, ${text}`,
  "a parameter": (text) => `${text};x`,
  "no padding": (text) => text.replace("=:", ":"),
  "unused bits set": (text) =>
    text.replace(/(.)=:/, (_, c: string) => `${String.fromCharCode(c.charCodeAt(0) + 1)}=:`),
};
