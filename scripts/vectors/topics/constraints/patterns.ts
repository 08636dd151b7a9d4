import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { granting, PAGE } from "./changes.ts";

const PATTERNS = `${PAGE}, Patterns`;

const matching = (id: string, title: string, pattern: string, query: string): CaseSource =>
  admitted(`pattern-${id}`, title, PATTERNS, {
    ...granting({ arguments: { "/query": { pattern } } }),
    arguments: { query },
  });

const unmatched = (id: string, title: string, pattern: string, query: string): CaseSource =>
  denied(`pattern-${id}`, "capability.argument_not_allowed", title, PATTERNS, {
    ...granting({ arguments: { "/query": { pattern } } }),
    arguments: { query },
  });

export const patternsCases: readonly CaseSource[] = [
  matching("plain", "Characters stand for themselves", "tides", "tides"),
  unmatched("part", "The whole text must match", "tide", "tides"),
  matching("class", "A class and a number of times", "[A-Z]{3}-[0-9]{2,4}", "INV-2026"),
  unmatched("class-times", "Once too often", "[A-Z]{3}-[0-9]{2,4}", "INV-20260"),
  matching("negated", "A class of all others", "[^/]+@example\\.com", "ada@example.com"),
  unmatched(
    "negated-slash",
    "A character that is not among the others",
    "[^/]+@example\\.com",
    "a/b@example.com",
  ),
  unmatched("escaped", "An escaped dot is a dot", "[^/]+@example\\.com", "ada@example-com"),
  unmatched("line-feed", ". is no line feed, and no anchor ends before one", "tides.?", "tides\n"),
  matching("plane", "A character beyond U+FFFF is one character", "ti.es", "ti\u{1F30A}es"),
  unmatched(
    "backtracking",
    "One that costs a backtracking engine exponential time",
    "a*a*a*a*a*a*a*a*a*a*a*a*b",
    "a".repeat(1000),
  ),
  unmatched("long", "Text of more than 1024 characters matches nothing", "a*", "a".repeat(1025)),
  matching("as-long-as-may-be", "Text of 1024 characters", "a*", "a".repeat(1024)),
  unmatched("number", "A number is no text", "[0-9]+", 7 as unknown as string),
];
