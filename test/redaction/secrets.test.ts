import { describe, expect, test } from "vitest";
import { ALL_SECRET_FORMS, type SecretForm } from "../../src/redaction/secrets.ts";
import { marker, namesField, truncated, withoutSecrets } from "../../src/redaction/texts.ts";

const ALL = { secrets: new Set(ALL_SECRET_FORMS) };
const alone = (form: SecretForm) => ({ secrets: new Set([form]) });

const b64 = (text: string) => btoa(text).replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_");
/** Put together here, so that no scanner of repositories takes this file for a leak. */
const of = (...parts: string[]) => parts.join("");
const JWT = `${b64('{"alg":"HS256"}')}.${b64('{"sub":"me"}')}.c2lnbmF0dXJl`;
const JWE = `${b64('{"alg":"dir","enc":"A128GCM"}')}..aXZpdg.Y2lwaGVy.dGFn`;
const PEM = of("-----BEGIN ", "PRIVATE KEY-----\nMIIEvQ\nIBADAN==\n-----END ", "PRIVATE KEY-----");

/** What of each form goes, whole. */
const FOUND: [SecretForm, string[]][] = [
  [
    "private-key",
    [
      PEM,
      PEM.replaceAll("PRIVATE", "OPENSSH PRIVATE").replaceAll("\n", "\\n"),
      PEM.replaceAll("PRIVATE KEY", "PGP PRIVATE KEY BLOCK"),
      PEM.slice(0, 40),
    ],
  ],
  ["jwt", [JWT, JWE, `${b64('{"alg":"none"}')}.e30.`]],
  ["aws-access-key", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"]],
  [
    "aws-secret-key",
    [
      "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
      '"SecretAccessKey":"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      "<SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
      '\\"secretKey\\": \\"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    ],
  ],
  [
    "github",
    [
      of("ghp_", "a".repeat(36)),
      of("ghs_", "B1".repeat(30)),
      of("github_pat_", "11AAAAAAA0_", "x".repeat(59)),
    ],
  ],
  ["gitlab", [of("glpat-", "xxxxxxxxxxxxxxxxxx-_")]],
  [
    "slack",
    [
      of("xoxb-", "123456789012-abcdefABCDEF"),
      of("xapp-", "1-A012-345-abc"),
      of("hooks.slack.com", "/services/T000/B000/XXXX"),
    ],
  ],
  ["stripe", [of("sk_live_", "4eC39HqLyjWD"), of("rk_test_", "4eC39HqLyjWD"), of("whsec_", "a".repeat(32))]],
  [
    "google",
    [
      of("AIza", "SyA-_012345678901234567890123456789"),
      of("GOCSPX-", "a".repeat(28)),
      of("ya29.", "a".repeat(40)),
    ],
  ],
  ["openai", [of("sk-", "proj-abc_1".repeat(4)), of("sk-", "ant-api03-", "x".repeat(30))]],
  [
    "authorization",
    [
      "Bearer 0123456789abcdef",
      "bearer   0123456789abcdef==",
      "Authorization: Basic dTpw",
      '"authorization":"Digest username=x',
    ],
  ],
  [
    "connection-string",
    ["://user:pass@", "://:pass@", ":\\/\\/user:p:@ss@", "Password=hunter2", "pwd=x", "AccountKey=abc=="],
  ],
  [
    "card-number",
    ["4111111111111111", "4111 1111 1111 1111", "3782-822463-10005", "6011000990139424", "4222222222222"],
  ],
  ["us-ssn", ["123-45-6789"]],
];

describe.each(FOUND)("%s", (form, secrets) => {
  const own = marker(form);

  test.each(secrets)("is found: %s", (secret) => {
    expect(withoutSecrets(secret, alone(form))).toMatch(
      new RegExp(`^[a-z_"\\\\<]{0,4}\\[redacted: ${form}\\]=*$`),
    );
  });

  test("is found within a text, twice, and what stands around it stays", () => {
    for (const secret of secrets.filter((one) => !one.startsWith(PEM.slice(0, 30)) || one.includes("END"))) {
      const text = `before ${secret}, ${secret} after`;
      const cut = withoutSecrets(text, alone(form));
      expect(cut).not.toContain(secret);
      expect(cut.startsWith("before ") && cut.endsWith(" after")).toBe(true);
      expect(cut.split(own)).toHaveLength(3);
    }
  });

  test("is left where the tenant does not name it", () => {
    const others = { secrets: new Set(ALL_SECRET_FORMS.filter((other) => other !== form)) };
    // A form of its own may be part of another: here all of them are apart.
    for (const secret of secrets) expect(withoutSecrets(secret, others)).toBe(secret);
  });

  test("what takes its place is no secret", () => {
    expect(withoutSecrets(`x ${own} y`, ALL)).toBe(`x ${own} y`);
  });
});

test("every form is tested", () => {
  expect(FOUND.map(([form]) => form)).toEqual(ALL_SECRET_FORMS);
});

test.each([
  "a bearer of good news, and bearer authentication",
  "keyJar.read.write and some.eyJ.words",
  "the risk-assessment-of-the-situation and task-management-applications",
  "https://example.com:8080/a@b and user@example.com",
  "order 1234567890123456, 4111111111111112, 41111111111111111111111, 0.4111111111111111",
  "2027-01-31 12:00:00, 000-12-3456, 123-45-67890, 1123-45-6789",
  "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
  "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
  "secret_key: short",
  "",
])("is no secret: %s", (text) => {
  expect(withoutSecrets(text, ALL)).toBe(text);
});

describe("where one begins and ends", () => {
  test("a JWT that something is written before", () => {
    for (const before of ["x", "_", "a.", "token-", "example.eyJ."])
      expect(withoutSecrets(before + JWT, alone("jwt"))).toBe(`${before}[redacted: jwt]`);
  });

  test("a card number behind other digits", () => {
    for (const before of ["12 ", "1 2 3 ", "7-", "No. "])
      expect(withoutSecrets(`${before}4111 1111 1111 1111`, alone("card-number"))).toBe(
        `${before}[redacted: card-number]`,
      );
  });

  test("a key without an end takes all that follows", () => {
    expect(withoutSecrets(`a ${PEM.slice(0, -10)} b`, ALL)).toBe("a [redacted: private-key]");
  });

  test("secrets that overlap go under the name of the first", () => {
    expect(withoutSecrets(`Authorization: Bearer ${JWT} end`, ALL)).toBe("[redacted: authorization] end");
  });

  test("a value that its name tells", () => {
    expect(withoutSecrets("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ALL, "SecretAccessKey")).toBe(
      "[redacted: aws-secret-key]",
    );
    expect(withoutSecrets("Basic dTpw", ALL, "Authorization")).toBe("[redacted: authorization]");
    expect(withoutSecrets("Basic dTpw", ALL, "other")).toBe("Basic dTpw");
  });
});

describe("texts made to be slow are read in no time", () => {
  const SIZE = 256 * 1024;
  const units = [
    "a",
    " ",
    "0",
    "4",
    "1 ",
    "4-",
    "9".repeat(20),
    "eyJ",
    "eyJ.",
    "eyJaaaaaaaaaaaaaaaa",
    "eyJaaaaaaaaaaaaaaaaa.",
    ".",
    "-",
    "_",
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN A PRIVATE KEY BLOCK",
    "-----END ",
    "AKIA",
    "AKIAA",
    "secret",
    "secret_access_key",
    "secretkey:",
    "secretkey\\\\\\\\    :",
    "ghp_",
    "ghp_a",
    "github_pat_",
    "github_pat_a",
    "glpat-",
    "xoxb-",
    "xoxb-a",
    "xapp-",
    "hooks.slack.com",
    "hooks.slack.com/a",
    "sk_live_",
    "sk_live_a",
    "whsec_",
    "AIza",
    "ya29.",
    "GOCSPX-",
    "sk-",
    "-sk-a",
    " sk-a",
    "Bearer ",
    "Bearer a ",
    "Bearer  aaa",
    "authorization",
    "authorization: a ",
    "authorization:",
    "://",
    "://a:",
    "://:",
    "://a:b",
    ":",
    "@",
    "://a:@",
    "password=",
    "pwd=",
    "123-",
    "123-45-",
    "123-45-6789-",
    "\\",
    '"',
    "\u0130",
    "\ud83d\ude00",
    "é:",
    "a:",
    "a=",
    '"\\:',
  ];
  test.each(units)("%j", (unit) => {
    const text = unit.repeat(Math.ceil(SIZE / unit.length));
    // Were it quadratic, this would take minutes.
    withoutSecrets(text, ALL, "authorization");
    expect(namesField(text, new Set(["password"]))).toBe(unit === "password=");
  });
});

describe("fields in texts that are no JSON", () => {
  const fields = new Set(["password", "token", "grösse", "\u5bc6\u7801"]);
  test.each([
    "password: x",
    "Password = x",
    'Result: {"password":"x"}',
    "{'password' : 1}",
    '{\\"password\\":\\"x\\"}',
    "<password>x",
    "the password=x",
    "größe: 3",
    "a\npassword:",
    '"PASSWORD" => 1',
    "password -> x",
    "password - x",
    "password \u2192 x",
    "password\uff1ax",
    "\u5bc6\u7801\uff1ax",
    "\u00abpassword\u00bb: x",
    "pas\u017fword\u00a0: x",
    "to\u212aen: x",
    "password   x",
    "password\tx",
    "id,password\n1,x",
    "id;'password'\r\n1;x",
    "id  password \n1   x",
    "| id | password |\n| 1 | x |",
    "password\nx",
    "\npassword\nx",
    "<tr><td>password</td><td>x</td></tr>",
    "{&quot;password&quot;:&quot;x&quot;}",
    '[{name:"password",value:"x"}]',
  ])("are seen: %s", (text) => expect(namesField(text, fields)).toBe(true));

  test.each([
    "password",
    "enter your password",
    "password_hash: x",
    "old-password: x",
    "my$password:",
    "pass word: x",
    ": password",
    "Enter your password.\nThen go on.",
    "no password (yet), and no\npassword either",
    "password-protected",
    "the password is secret\n",
  ])("are not there: %s", (text) => expect(namesField(text, fields)).toBe(false));
});

describe("truncated", () => {
  test("says so, and stays what it is the second time", () => {
    expect(truncated("a".repeat(20), 20)).toBe("a".repeat(20));
    const cut = truncated("a".repeat(40), 20);
    expect(cut).toBe(`${"a".repeat(20)}[truncated]`);
    expect(truncated(cut, 20)).toBe(cut);
  });

  test("never within a character", () => {
    expect(truncated(`${"a".repeat(19)}\u{1F600}`, 20)).toBe(`${"a".repeat(19)}[truncated]`);
  });
});
