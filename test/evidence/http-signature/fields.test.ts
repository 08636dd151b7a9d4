import fc from "fast-check";
import type { InnerList } from "structured-headers";
import { describe, expect, test } from "vitest";
import {
  readCanonicalBytes,
  readCanonicalInput,
} from "../../../src/evidence/http-signature/canonical-fields.ts";
import { strictDictionary } from "../../../src/evidence/http-signature/dictionary.ts";
import { component, parseSignatures, signatureInput } from "../../../src/evidence/http-signature/fields.ts";
import { parseHttpSignature } from "../../../src/evidence/http-signature/parse.ts";
import {
  MAX_SIGNATURE_COMPONENTS,
  MAX_SIGNATURE_FIELD_BYTES,
  MAX_SIGNATURE_LABELS,
  MAX_SIGNATURE_PARAMETERS,
} from "../../../src/limits.ts";

const BYTES = ":AQID:";
const outcome = (input: string, signature = `a=${BYTES}`): string => {
  const result = parseSignatures(input, signature);
  return result.ok ? "ok" : result.error;
};
const times = (count: number, of: (i: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => of(i));

describe("what is refused", () => {
  // Parsers of structured fields keep the last of two equal keys: another reader may see the first.
  test.each([
    ["label twice", 'a=("@method");created=1, a=("@path");created=1'],
    ["label twice, second in the place of a missing one", 'a=("@method"), a=("@path"), b=()'],
    ["parameter twice", 'a=("@method");created=1;created=2'],
    ["parameter twice, equal", 'a=("@method");keyid="k";keyid="k"'],
    ["component parameter twice", 'a=("x";key="a";key="b")'],
    ["duplicate hidden behind a quoted semicolon", 'a=("@method");nonce="x;y";created=1;created=2'],
    ["duplicate hidden behind an escaped quote", 'a=("@method");nonce="\\";";created=1;created=2'],
    ["Display String that hides a duplicate", 'a=();nonce="a";n=%"\\";nonce="b"'],
    ["empty field", ""],
    ["only white space", "  "],
    ["trailing comma", 'a=("@method"),'],
    ["not a Dictionary", '("@method")'],
    ["uppercase label", 'A=("@method")'],
    ["Item in place of an Inner List", 'a="@method"'],
    ["bare label", "a"],
    ["component as Token", "a=(method)"],
    ["component as Integer", "a=(1)"],
    ["component as Byte Sequence", "a=(:AQID:)"],
    ["unterminated String", 'a=("@method'],
    ["non-ASCII", 'a=("@méthod")'],
    ["line end", 'a=("@method"\n)'],
    ["created as Decimal", "a=();created=1.0"],
    ["created as String", 'a=();created="1"'],
    ["created as Date", "a=();created=@1"],
    ["created as Token", "a=();created=now"],
    ["created as -0", "a=();created=-0"],
    ["created with leading zero", "a=();created=01"],
    ["created with a space before its name", "a=(); created=1.0"],
    ["expires as Decimal", 'a=();created=1;expires=2.5;keyid="k"'],
    ["expires negative", "a=();expires=-5"],
    ["expires of 16 digits", "a=();expires=1000000000000000"],
  ])("%s", (_, input) => expect(outcome(input)).toBe("signature.malformed"));

  test.each([
    ["String", 'a="AQID"'],
    ["Inner List", "a=(:AQID:)"],
    ["bare", "a"],
    ["base64url", "a=:_-_-:"],
    ["space in the base64", "a=:AQ ID:"],
    ["label twice", "a=:AQID:, a=:BAUG:"],
    ["empty field", ""],
  ])("Signature: %s", (_, signature) =>
    expect(outcome('a=("@method")', signature)).toBe("signature.malformed"),
  );

  test.each([
    ["stray label in Signature", "a=()", "a=:AQID:, b=:AQID:"],
    ["stray label in Signature-Input", "a=(), b=()", "a=:AQID:"],
    ["same number, other labels", "a=()", "b=:AQID:"],
  ])("%s", (_, input, signature) => expect(outcome(input, signature)).toBe("signature.labels"));
});

describe("limits: the last accepted and one more", () => {
  const labels = (count: number): [string, string] => [
    times(count, (i) => `l${i}=()`).join(", "),
    times(count, (i) => `l${i}=:AQID:`).join(", "),
  ];
  const components = (count: number) => `a=(${times(count, (i) => `"h${i}"`).join(" ")})`;
  const withParameters = (count: number) => `a=()${times(count, (i) => `;p${i}=1`).join("")}`;
  const long = (length: number) => `a=();nonce="${"n".repeat(length - 13)}"`;

  test("labels", () => {
    expect(outcome(...labels(MAX_SIGNATURE_LABELS))).toBe("ok");
    expect(outcome(...labels(MAX_SIGNATURE_LABELS + 1))).toBe("signature.too_large");
  });
  test.each([
    ["components", components(MAX_SIGNATURE_COMPONENTS), components(MAX_SIGNATURE_COMPONENTS + 1)],
    ["parameters", withParameters(MAX_SIGNATURE_PARAMETERS), withParameters(MAX_SIGNATURE_PARAMETERS + 1)],
    ["octets", long(MAX_SIGNATURE_FIELD_BYTES), long(MAX_SIGNATURE_FIELD_BYTES + 1)],
  ])("%s", (_, last, over) => {
    expect(outcome(last)).toBe("ok");
    expect(outcome(over)).toBe("signature.too_large");
  });
  test("octets of Signature", () => {
    const signature = `a=:${"A".repeat(MAX_SIGNATURE_FIELD_BYTES)}:`;
    expect(outcome("a=()", signature)).toBe("signature.too_large");
  });
});

describe("what is kept", () => {
  test("identifiers, parameters and octets; white space is normalised, order is not", () => {
    const parsed = parseSignatures(
      'other=("x-unknown";bs),  sig=( "@method"   "@query-param"; name="a,b"  );  keyid="k;1"; created=5',
      "sig=:AQID:, other=:BA==:",
    );
    if (!parsed.ok) throw new Error(parsed.error);
    const [other, sig] = parsed.value;
    expect(other?.label).toBe("other");
    expect(other?.components.map((c) => c.identifier)).toEqual(['"x-unknown";bs']);
    expect(sig?.components.map((c) => c.identifier)).toEqual(['"@method"', '"@query-param";name="a,b"']);
    expect(sig?.serialised).toBe('("@method" "@query-param";name="a,b");keyid="k;1";created=5');
    expect(sig?.parameters.get("created")).toBe(5);
    expect([...(sig?.bytes ?? [])]).toEqual([1, 2, 3]);
  });

  test("a parameter that only ends in created is no time", () => {
    expect(outcome("a=();x-created=1.5")).toBe("ok");
  });
});

describe("parseHttpSignature", () => {
  test("no field is absent", () => expect(parseHttpSignature(new Map())).toEqual({ state: "absent" }));
  test.each([
    ["only Signature-Input", { "signature-input": "a=()" }],
    ["only Signature", { signature: "a=:AQID:" }],
    ["both empty", { "signature-input": "", signature: "" }],
  ])("%s is malformed, not absent", (_, headers) => {
    expect(parseHttpSignature(new Map(Object.entries(headers)))).toEqual({
      state: "malformed",
      reason: "signature.malformed",
    });
  });
  test("both are present", () => {
    const headers = new Map([
      ["signature-input", 'a=("@method")'],
      ["signature", "a=:AQID:"],
    ]);
    expect(parseHttpSignature(headers).state).toBe("present");
  });
});

describe("the quick reader and the careful one", () => {
  const key = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,5}$/);
  const string = fc.stringMatching(/^[ -~]{0,8}$/).map((text) => text.replace(/["\\]/g, ""));
  const value = fc.oneof(
    { weight: 8, arbitrary: string.map((text) => `"${text}"`) },
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 10 ** 15 - 1 }).map(String) },
    fc.constantFrom("?1", "?0", "token", "1.5", "-1", "01", ":AQID:", "@5", "1e3", '"', '"\\""'),
  );
  const name = fc.oneof(key, fc.constantFrom("created", "expires", "nonce"));
  const parameter = fc.oneof(
    { weight: 9, arbitrary: fc.tuple(name, value).map(([k, v]) => `;${k}=${v}`) },
    key.map((k) => `;${k}`),
    fc.constant("; a=1"),
  );
  const item = fc.oneof(
    { weight: 9, arbitrary: string.map((text) => `"${text}"`) },
    fc.tuple(string, parameter).map(([text, p]) => `"${text}"${p}`),
    fc.constantFrom("token", "1", '"\\""'),
  );
  const member = fc
    .tuple(
      key,
      fc.array(item, { maxLength: 4 }),
      fc.oneof({ weight: 6, arbitrary: fc.constant(" ") }, fc.constantFrom("  ", "\t", "")),
      fc.array(parameter, { maxLength: 4 }),
    )
    .map(([label, items, space, parameters]) => `${label}=(${items.join(space)})${parameters.join("")}`);
  const field = fc
    .tuple(
      fc.array(member, { maxLength: 3 }),
      fc.oneof({ weight: 6, arbitrary: fc.constant(", ") }, fc.constantFrom(",", " ,", ",\t", ",,")),
      fc.oneof({ weight: 6, arbitrary: fc.constant("") }, fc.constantFrom(" ", ",", ", ", "x")),
    )
    .map(([members, comma, tail]) => members.join(comma) + tail);

  test("agree on everything that the quick one reads", () => {
    let read = 0;
    fc.assert(
      fc.property(field, (text) => {
        const quick = readCanonicalInput(text);
        if (quick === null) return;
        read += 1;
        const dictionary = strictDictionary(text);
        expect(dictionary).not.toBeNull();
        const careful = [...(dictionary ?? [])].map(([label, [items, parameters]]) => {
          const components = (items as InnerList[0]).map(([name, ps]) => component(String(name), ps));
          return [label, signatureInput(components, parameters)];
        });
        expect([...quick]).toEqual(careful);
      }),
      { numRuns: 3000, seed: 1 },
    );
    expect(read).toBeGreaterThan(100);
  });

  const octets = fc.oneof(
    { weight: 3, arbitrary: fc.base64String({ maxLength: 12 }).map((text) => `:${text}:`) },
    fc.stringMatching(/^[A-Za-z0-9+/=_-]{0,6}$/).map((text) => `:${text}:`),
    fc.constantFrom(":AQ:", ":AQ=:", ":AR==:", "::", '"x"', "?1", ":AQ==:;a", ":AQ==:;a=1"),
  );
  const signatures = fc
    .tuple(
      fc.array(
        fc.tuple(key, octets).map(([label, text]) => `${label}=${text}`),
        { maxLength: 3 },
      ),
      fc.oneof({ weight: 6, arbitrary: fc.constant(", ") }, fc.constantFrom(",", " ,", ",,")),
      fc.oneof({ weight: 6, arbitrary: fc.constant("") }, fc.constantFrom(" ", ",", ", ", "x")),
    )
    .map(([members, comma, tail]) => members.join(comma) + tail);

  test("agree on every signature that the quick one reads", () => {
    let read = 0;
    fc.assert(
      fc.property(signatures, (text) => {
        const quick = readCanonicalBytes(text);
        if (quick === null) return;
        read += 1;
        const careful = [...(strictDictionary(text) ?? [])].map(([label, [bytes]]) => [
          label,
          new Uint8Array(bytes as ArrayBuffer),
        ]);
        expect([...quick]).toEqual(careful);
      }),
      { numRuns: 3000, seed: 1 },
    );
    expect(read).toBeGreaterThan(100);
  });

  test.each([
    "",
    "a=:AQ==:, a=:AQ==:",
    "a=:AQ==:,b=:AQ==:",
    "a=:AQ==:, ",
    "a=:AQ:",
    "a=:AQ===:",
    "a=:A===:",
    "a=:AQ_-:",
    "a=:AQ==:;b",
    'a="x"',
  ])("the quick one leaves to the careful one: %s", (text) => {
    expect(readCanonicalBytes(text)).toBeNull();
  });

  test.each([
    ["a=();b=1, a=();b=2", "a label twice"],
    ['a=("x");b=1;b=1', "a parameter twice"],
    ['a=("x");created="1"', "a time as String"],
    ['a=("x");n="1;2"', "a semicolon in a value"],
    ['a=("x");created=01', "a leading zero"],
    ['a=("x");n=1000000000000000', "an Integer that is too large"],
    ['a=("x" );b=1', "a space at the end of the list"],
    ['a=( "x");b=1', "a space at its beginning"],
    ['a=("x"  "y");b=1', "two spaces"],
    ['a=("x\\"y");b=1', "an escape"],
    ['a=("x";sf);b=1', "a parameter of a component"],
    ['a=("x"),b=("y")', "no space behind the comma"],
    ['a=("x"), ', "a comma at the end"],
    [' a=("x")', "a space at the beginning"],
    ['A=("x")', "a label in upper case"],
    ['a=("caf\u00e9")', "no ASCII"],
    ['a=("x\ty")', "a tab in a String"],
    ['a=("x")\n', "a line end"],
    ["", "nothing"],
  ])("the quick one leaves %s to the careful one: %s", (text) => {
    expect(readCanonicalInput(text)).toBeNull();
  });
});
