import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCapabilities } from "../../../../src/evidence/act/capability.ts";
import { match, type Pattern, pattern } from "../../../../src/evidence/act/constraints/pattern.ts";
import { MAX_PATTERN_INPUT, MAX_PATTERN_SIZE, MAX_PATTERN_WORK } from "../../../../src/limits.ts";

const read = (text: string): Pattern | null => pattern.read(text)?.limit ?? null;

function compiled(text: string): Pattern {
  const limit = read(text);
  if (limit === null) throw new Error(`malformed: ${text}`);
  return limit;
}

const matches = (text: string, input: string): boolean => match(compiled(text), input).matches;

describe("the language", () => {
  test.each<[string, string[], string[]]>([
    ["", [""], ["a", "\n"]],
    ["abc", ["abc"], ["ab", "abcd", "xabc", "ABC", "abc\n"]],
    ["a.c", ["abc", "a\u{1F30A}c", "a/c", "a\u2028c"], ["ac", "a\nc", "a\rc", "abbc"]],
    ["a?b", ["b", "ab"], ["aab"]],
    ["a*", ["", "a", "aaaa"], ["b", "aab"]],
    ["a+", ["a", "aaaa"], ["", "b"]],
    ["a{3}", ["aaa"], ["aa", "aaaa"]],
    ["a{2,}", ["aa", "aaaaa"], ["a"]],
    ["a{1,2}b", ["ab", "aab"], ["b", "aaab"]],
    ["a{0}b", ["b"], ["ab"]],
    ["a{0,0}", [""], ["a"]],
    ["[abc]+", ["cab"], ["", "d"]],
    ["[^abc]+", ["xyz", "\n"], ["a", "xa", ""]],
    ["[a-c0-9]", ["b", "5"], ["d", "-"]],
    ["[-a]+", ["-a-"], ["b"]],
    ["[a-]+", ["-a-"], ["b"]],
    ["[^-a]", ["b"], ["-", "a"]],
    ["[.*+?$(){}|]+", [".*+?$(){}|"], ["a"]],
    ["[a^]", ["^", "a"], ["b"]],
    ["[\\]\\[\\\\]+", ["][\\"], ["a"]],
    ["[\\--a]", ["-", "0", "a"], ["b", ","]],
    ["\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\\\\\^\\-", [".*+?()[]{}|\\^-"], ["x"]],
    ["\\n\\r\\t", ["\n\r\t"], ["nrt"]],
    ["[\\n\\t]+", ["\n\t"], ["n"]],
    ["a,b-c/d:e@f", ["a,b-c/d:e@f"], []],
    ["\u{1F30A}{2}", ["\u{1F30A}\u{1F30A}"], ["\u{1F30A}"]],
    ["[\u{1F300}-\u{1F3FF}]", ["\u{1F30A}"], ["\uD83C", "x"]],
    ["a*a*b", ["b", "aab"], ["aa"]],
    ["(?:a)".slice(3, 4), ["a"], []],
  ])("%j", (text, allowed, refused) => {
    for (const input of allowed) expect([input, matches(text, input)]).toEqual([input, true]);
    for (const input of refused) expect([input, matches(text, input)]).toEqual([input, false]);
  });

  test.each([
    "(a)",
    "a|b",
    "a)",
    "(",
    "^a",
    "a$",
    "*a",
    "+",
    "?",
    "a**",
    "a+?",
    "a??",
    "a{",
    "a}",
    "{2}",
    "a{,2}",
    "a{2,1}",
    "a{x}",
    "a{1",
    "a{-1}",
    "a{1,2,3}",
    "a{ 1}",
    "a{}",
    "[",
    "[]",
    "[^]",
    "[a",
    "]",
    "[z-a]",
    "[a-b-c]",
    "[a--]",
    "[[a]]",
    "a[b]]",
    "\\",
    "\\d",
    "\\w",
    "\\s",
    "\\S",
    "\\p{L}",
    "\\1",
    "\\b",
    "\\x41",
    "\\u0041",
    "\\$",
    "\\/",
    "\\a",
    "[\\d]",
    "(?=a)",
    "(?<a>b)",
    "a{99999}",
    `a{${MAX_PATTERN_SIZE + 1}}`,
    "a".repeat(MAX_PATTERN_SIZE + 1),
    `[ab]{${MAX_PATTERN_SIZE / 2 + 1}}`,
    `a{${MAX_PATTERN_SIZE},}`,
  ])("not in it: %j", (text) => {
    expect(read(text)).toBeNull();
  });

  test.each(["a".repeat(MAX_PATTERN_SIZE), `a{${MAX_PATTERN_SIZE}}`, `[ab]{${MAX_PATTERN_SIZE / 2}}`])(
    "as large as it may be: %j",
    (text) => {
      expect(read(text)).not.toBeNull();
    },
  );
});

describe("against the engine of JavaScript", () => {
  const character = fc.constantFrom("a", "b", "-", ".", "/", "\n", "\u{1F30A}");
  const atom = fc.constantFrom(
    "a",
    "b",
    "-",
    "/",
    ".",
    "\\.",
    "\\-",
    "[ab]",
    "[^a]",
    "[a-]",
    "[.\\]]",
    "\u{1F30A}",
    "[^\u{1F30A}]",
  );
  const quantifier = fc.constantFrom("", "", "", "?", "*", "+", "{2}", "{1,3}", "{2,}", "{0,1}");
  const expression = fc
    .array(fc.tuple(atom, quantifier), { maxLength: 8 })
    .map((parts) => parts.flat().join(""));
  const text = fc.array(character, { maxLength: 12 }).map((characters) => characters.join(""));

  /** The same expression for an engine that tries one way after the other. */
  const inJavaScript = (source: string) =>
    new RegExp(
      `^(?:${source
        .replaceAll("\\-", "-")
        .replaceAll(/(?<!\\)\.(?![^[]*\])/g, "[^\\n\\r]")
        .replaceAll("/", "\\/")})$`,
      "u",
    );

  test("the same texts match", () => {
    let matched = 0;
    fc.assert(
      fc.property(expression, text, (source, input) => {
        const expected = inJavaScript(source).test(input);
        if (expected) matched += 1;
        expect(matches(source, input)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
    expect(matched).toBeGreaterThan(50);
  });
});

describe("the work", () => {
  const SLOW = [
    "a*a*a*a*a*a*a*a*b",
    "a?".repeat(30) + "a".repeat(30),
    "[ab]*a[ab]{60}",
    ".*.*.*.*x",
    "a+a+a+a+a+$".slice(0, -1),
  ];

  test.each(SLOW)(
    "%j: in proportion to the text, and never more than the size of the pattern for each character",
    (source) => {
      const limit = compiled(source);
      const size = limit.positions.reduce((sum, { ranges }) => sum + ranges.length, 0);
      const work = [64, 128, 256, 512, 1024, 2048].map((n) => match(limit, "a".repeat(n)).comparisons);
      for (const [i, comparisons] of work.entries()) {
        expect(comparisons).toBeLessThanOrEqual(64 * 2 ** i * size);
        if (i > 0) expect(comparisons).toBeLessThanOrEqual(2.1 * (work[i - 1] ?? 0) + size ** 2);
      }
    },
  );

  test.each([...SLOW, ".{0,128}", "[^b]*", "a{0,256}"])("%j: `work` bounds it", (source) => {
    const limit = compiled(source);
    const bound = pattern.work?.(limit) ?? 0;
    expect(match(limit, "a".repeat(MAX_PATTERN_INPUT)).comparisons).toBeLessThanOrEqual(
      bound * MAX_PATTERN_INPUT,
    );
  });

  /** A mandate's `cap`, with these patterns in entries of their own. */
  const capOf = (patterns: readonly string[]) =>
    readCapabilities(
      patterns.map((source) => ({
        action: "mcp.search",
        constraints: { arguments: { "/q": { pattern: source } } },
      })),
    );

  test("all patterns of a mandate together have a bound", () => {
    const largest = Array<string>(MAX_PATTERN_WORK / MAX_PATTERN_SIZE).fill(`a{${MAX_PATTERN_SIZE}}`);
    expect(capOf(largest).ok).toBe(true);
    expect(capOf([...largest, "a"])).toEqual({ ok: false, error: "act.constraint_malformed" });
  });

  test("so do those of one entry", () => {
    const rule = (i: number) => [`/q${i}`, { pattern: `a{${MAX_PATTERN_SIZE}}` }] as const;
    const rules = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => rule(i)));
    const cap = (count: number) =>
      readCapabilities([{ action: "mcp.search", constraints: { arguments: rules(count) } }]).ok;
    expect([cap(MAX_PATTERN_WORK / MAX_PATTERN_SIZE), cap(MAX_PATTERN_WORK / MAX_PATTERN_SIZE + 1)]).toEqual([
      true,
      false,
    ]);
  });
});
