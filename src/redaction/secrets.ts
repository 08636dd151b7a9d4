/**
 * The forms of secrets that are cut out of texts. A text is anybody's making and as long as an answer may be, so each of them takes
 * time in proportion to it: no repetition can be tried again from within itself, but for as many characters as its bounds say.
 */

import { cardNumbers } from "./card-numbers.ts";
import { matches, type Piece } from "./matches.ts";

interface Form {
  /** What it finds, for the documentation. */
  readonly about: string;
  readonly find: (text: string) => Iterable<Piece>;
  /** What is in the names that it is told by: a member with such a one is looked at together with it. Null where none tells. */
  readonly named: RegExp | null;
}

/** What stands between a name and its value in JSON, YAML, XML, headers and assignments, also where quotes are escaped. */
const IS = `["'\\\\]{0,4}\\s{0,4}[:=>]\\s{0,4}["'\\\\]{0,4}`;

/** A slash in JSON may be escaped. */
const SLASHES = "\\\\{0,2}/\\\\{0,2}/";

export const SECRET_FORMS = {
  "private-key": form(
    "A private key in PEM (RFC 7468), OpenSSH's and PGP's too; without its last line, all that follows",
    /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g,
  ),
  jwt: {
    about: "A JWS or JWE in compact form whose header begins as JSON does: `eyJ….….…`",
    find: compactTokens,
    named: null,
  },
  "aws-access-key": form("An access key id of AWS: `AKIA…`, `ASIA…`", /(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}/g),
  "aws-secret-key": form(
    "40 characters of base64 behind `secret_access_key`, `SecretAccessKey`, `secretKey` or the like",
    new RegExp(`secret[_-]?(?:access[_-]?)?key${IS}[A-Za-z0-9/+]{40}`, "gi"),
    /secret/i,
  ),
  github: form("A token of GitHub: `ghp_…`, `gho_…`, `ghu_…`, `ghs_…`, `ghr_…`, `github_pat_…`", [
    /gh[pousr]_[A-Za-z0-9]{36,}/g,
    /github_pat_[A-Za-z0-9_]{22,}/g,
  ]),
  gitlab: form("A token of GitLab: `glpat-…`", /glpat-[A-Za-z0-9_-]{20,}/g),
  slack: form("A token of Slack (`xoxb-…`, `xoxp-…`, `xapp-…` and the like) or the URL of a webhook", [
    /xox[a-z]-[A-Za-z0-9-]{10,}/g,
    /xapp-[A-Za-z0-9-]{10,}/g,
    /hooks\.slack\.com(?:\\{0,2}\/[A-Za-z0-9]{1,64}){2,4}/g,
  ]),
  stripe: form("A secret of Stripe: `sk_live_…`, `sk_test_…`, `rk_live_…`, `whsec_…`", [
    /[sr]k_(?:live|test)_[A-Za-z0-9]{10,}/g,
    /whsec_[A-Za-z0-9+/=]{24,}/g,
  ]),
  google: form("A key or token of Google: `AIza…`, `GOCSPX-…`, `ya29.…`", [
    /AIza[A-Za-z0-9_-]{35}/g,
    /GOCSPX-[A-Za-z0-9_-]{20,}/g,
    /ya29\.[A-Za-z0-9_-]{20,}/g,
  ]),
  openai: form(
    "A key as OpenAI, Anthropic and others give it: `sk-…`, 20 characters or more with a digit among the first 40",
    /(?<![A-Za-z0-9])sk-(?=[A-Za-z_-]{0,40}[0-9])[A-Za-z0-9_-]{20,}/g,
  ),
  authorization: form(
    "A credential of HTTP: `Bearer …` of 16 characters or more, and what an `Authorization` says",
    [
      /\bBearer\s{1,4}[A-Za-z0-9._~+/-]{16,}/gi,
      new RegExp(`authorization${IS}[A-Za-z-]{1,32}\\s{1,4}[^\\s"'\\\\<]+`, "gi"),
    ],
    /authorization/i,
  ),
  "connection-string": form(
    "User and password in a URL (`://user:password@`), and `Password=`, `Pwd=`, `AccountKey=`, `SharedAccessKey=` with what follows",
    [
      new RegExp(`:${SLASHES}[^\\s:@/"'\\\\]{0,256}:[^\\s/"'\\\\]{1,512}@`, "g"),
      /\b(?:password|pwd|accountkey|sharedaccesskey)=[^;\s"'&<]+/gi,
    ],
  ),
  "card-number": {
    about:
      "13 to 19 digits, alone or with single spaces or hyphens between, that begin with 2 to 6 and pass the check of Luhn",
    find: cardNumbers,
    named: null,
  },
  "us-ssn": form(
    "A social security number of the United States: `123-45-6789`",
    /(?<![0-9-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9-])/g,
  ),
} as const satisfies Record<string, Form>;

export type SecretForm = keyof typeof SECRET_FORMS;

export const ALL_SECRET_FORMS = Object.keys(SECRET_FORMS) as readonly SecretForm[];

function form(about: string, patterns: RegExp | readonly RegExp[], named: RegExp | null = null): Form {
  const all = patterns instanceof RegExp ? [patterns] : patterns;
  return { about, named, find: (text) => all.flatMap((pattern) => matches(text, pattern)) };
}

/** Shorter than any header of JOSE, `{"alg":"…"}`, and longer than a word of a program that has these letters in it. */
const MIN_HEADER_LENGTH = 15;

const RUN_OF_PARTS = /[A-Za-z0-9_.-]{16,}/g;

/** Three or five parts with dots between; before the first may stand what is no part of it. */
function* compactTokens(text: string): Generator<Piece> {
  if (!text.includes("eyJ")) return;
  for (const { start: index, end: runEnd } of matches(text, RUN_OF_PARTS)) {
    const run = text.slice(index, runEnd);
    for (let start = run.indexOf("eyJ"); start >= 0; ) {
      const dot = run.indexOf(".", start);
      const secondDot = dot < 0 ? -1 : run.indexOf(".", dot + 1);
      if (secondDot < 0) break;
      const end = dot - start < MIN_HEADER_LENGTH ? start + 1 : endOfParts(run, secondDot, 3);
      if (end > dot) yield { start: index + start, end: index + end };
      start = run.indexOf("eyJ", end);
    }
  }
}

/** The end of so many parts, or of those there are, the first of which begins behind the dot. */
function endOfParts(run: string, dot: number, parts: number): number {
  let end = dot;
  for (let part = 0; part < parts && end < run.length; part++) {
    const next = run.indexOf(".", end + 1);
    end = next < 0 ? run.length : next;
  }
  return end;
}
