import fc from "fast-check";

/** JSON texts that are easy to read wrong, and a second, slow opinion on which of them strict JSON takes. */

const numbers = fc.oneof(
  fc.constantFrom(
    "0",
    "-0",
    "1",
    "12",
    "-7",
    "0.5",
    "-0.5",
    "1.0",
    "-0.0",
    "1e2",
    "1E+21",
    "5e-324",
    "1e-400",
    "1e400",
  ),
  fc.constantFrom(
    "9007199254740991",
    "9007199254740992",
    "-9007199254740993",
    "9007199254740993.0",
    "1234567.8901",
  ),
  fc.constantFrom(
    "100000000000000000000.5",
    "0.000e5",
    `0.${"0".repeat(400)}1`,
    "999999999999999.9",
    "01",
    "1.",
    ".5",
  ),
);
const units = fc.constantFrom(
  ..."ab 0é東\u2028",
  "😀",
  "\\n",
  '\\"',
  "\\\\",
  "\\/",
  "\\u0061",
  "\\u00e9",
  "\\ud83d\\ude00",
);
const oddUnits = fc.constantFrom("\\ud83d", "\\ude00", "\ud83d", "\ude00", "\\x", "\\u00", "\n", "\\");
const strings = fc
  .array(fc.oneof({ weight: 30, arbitrary: units }, { weight: 1, arbitrary: oddUnits }), { maxLength: 6 })
  .map((all) => `"${all.join("")}"`);
const names = fc.constantFrom(
  '"a"',
  '"b"',
  '"\\u0061"',
  '""',
  '"__proto__"',
  '"0"',
  '"é"',
  '"\\u00E9"',
  '"a b"',
);
const space = fc.oneof({ weight: 5, arbitrary: fc.constant("") }, fc.constantFrom(" ", "\n", "\t \r"));

const { text: written } = fc.letrec<{ text: string }>((tie) => ({
  text: fc
    .tuple(
      space,
      fc.oneof(
        { maxDepth: 4 },
        fc.oneof(numbers, strings, fc.constantFrom("true", "false", "null", "nul")),
        fc.array(tie("text"), { maxLength: 4 }).map((all) => `[${all.join(",")}]`),
        fc
          .array(fc.tuple(names, space, tie("text")), { maxLength: 4 })
          .map((all) => `{${all.map(([name, gap, value]) => `${name}${gap}:${value}`).join(",")}}`),
      ),
      space,
    )
    .map((parts) => parts.join("")),
}));

const edits = fc.array(
  fc.record({
    at: fc.nat(),
    cut: fc.nat(2),
    put: fc.constantFrom("", ...'{}[],:"\\0-.e \ud83d', "null", "\\u"),
  }),
  { maxLength: 2 },
);

/** Mostly JSON, with a fault or two. */
export const jsonTexts: fc.Arbitrary<string> = fc
  .tuple(written, fc.boolean(), edits)
  .map(([text, whole, changes]) =>
    whole
      ? text
      : changes.reduce((changed, { at, cut, put }) => {
          const start = at % (changed.length + 1);
          return changed.slice(0, start) + put + changed.slice(start + cut);
        }, text),
  );

/** Everything that is wrong with a text, by naive means: several passes, each over the whole text. */
export function naiveFaults(text: string): ReadonlySet<string> {
  try {
    JSON.parse(text);
  } catch {
    return new Set(["not_json", "empty"]);
  }
  const faults = new Set<string>();
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gsu) ?? [];
  const open: (Set<string> | null)[] = [];
  tokens.forEach((token, i) => {
    const names = open.at(-1);
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (token.startsWith('"')) {
      const value: string = JSON.parse(token);
      if (!value.isWellFormed() || /[\ud800-\udfff]/u.test(token)) faults.add("lone_surrogate");
      if (names && tokens[i + 1] === ":") {
        if (names.has(value)) faults.add("duplicate_key");
        names.add(value);
      }
    } else if (/^[-0-9]/.test(token) && !isReadAlike(token)) faults.add("number");
  });
  return faults;
}

/** By exact arithmetic. */
function isReadAlike(token: string): boolean {
  const value = Number(token);
  if (!Number.isFinite(value) || Object.is(value, -0)) return false;
  const [digits, exponent] = exactly(token);
  if (/^-?[0-9]+$/.test(token)) return Number.isSafeInteger(value);
  if (value !== 0 && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return true;
  const [ownDigits, ownExponent] = exactly(String(value));
  const least = Math.min(exponent, ownExponent);
  return digits * 10n ** BigInt(exponent - least) === ownDigits * 10n ** BigInt(ownExponent - least);
}

/** A number as digits and the power of ten they are multiplied by. */
function exactly(token: string): [bigint, number] {
  const [mantissa = "", exponent = "0"] = token.split(/e/i);
  const [whole = "", fraction = ""] = mantissa.split(".");
  return [BigInt(whole + fraction), Number(exponent) - fraction.length];
}
