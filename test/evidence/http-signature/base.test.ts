import { describe, expect, test, vi } from "vitest";
import { signatureBase } from "../../../src/evidence/http-signature/base.ts";
import { parseSignatures } from "../../../src/evidence/http-signature/fields.ts";
import type { SignedMessage, SignedRequest } from "../../../src/evidence/http-signature/message.ts";
import { MAX_REREAD_FIELD_BYTES, MAX_SIGNATURE_FIELD_BYTES } from "../../../src/limits.ts";

const message = (targetUri: string, headers: Record<string, string> = {}): SignedRequest => ({
  kind: "request",
  method: "POST",
  targetUri,
  headers: new Map(Object.entries(headers)),
});

/** The base for a list of components as it stands in the field, or the reason. */
function baseOf(of: SignedMessage, components: string): string {
  const parsed = parseSignatures(`s=(${components})`, "s=:AA==:");
  const signature = parsed.ok ? parsed.value[0] : undefined;
  if (signature === undefined) return "unparsed";
  const base = signatureBase(of, signature);
  return base.ok ? new TextDecoder().decode(base.value) : base.error;
}

/** The value on the single line of one component, or the reason. */
function lineOf(of: SignedMessage, component: string): string {
  const base = baseOf(of, component);
  const [line = ""] = base.split("\n");
  return line.startsWith(`${component}: `) ? line.slice(component.length + 2) : base;
}

const REFUSED = "signature.component";

describe("derived components", () => {
  test.each([
    ["https://Example.COM:443/a", '"@authority"', "example.com"],
    ["https://example.com:80/a", '"@authority"', "example.com:80"],
    ["http://example.com:80/a", '"@authority"', "example.com"],
    ["http://127.0.0.1:8765/mcp", '"@authority"', "127.0.0.1:8765"],
    ["https://[::1]:8443/", '"@authority"', "[::1]:8443"],
    ["HTTPS://example.com/", '"@scheme"', "https"],
    ["https://example.com", '"@path"', "/"],
    ["https://example.com?x", '"@path"', "/"],
    ["https://example.com/a/../b/%2e%2e/c?x=1", '"@path"', "/a/../b/%2e%2e/c"],
    ["https://example.com//a//b", '"@path"', "//a//b"],
    ["https://example.com/%7Efoo", '"@path"', "/%7Efoo"],
    ["https://example.com/p?x='", '"@query"', "?x='"],
    ["https://example.com/p?a=b?c=d", '"@query"', "?a=b?c=d"],
    ["https://example.com/p", '"@query"', "?"],
    ["https://example.com/p?", '"@query"', "?"],
    ["https://example.com/p?", '"@request-target"', "/p?"],
    ["https://example.com/p?x=1", '"@request-target"', "/p?x=1"],
    ["https://example.com/a/../b?x='", '"@target-uri"', "https://example.com/a/../b?x='"],
  ])("%s %s", (uri, component, value) => expect(lineOf(message(uri), component)).toBe(value));

  test("@method keeps its case", () => {
    expect(lineOf({ ...message("https://example.com/"), method: "pOsT" }, '"@method"')).toBe("pOsT");
  });

  test.each([
    ["fragment", "https://example.com/a#b"],
    ["userinfo", "https://user@example.com/"],
    ["relative", "/a"],
    ["backslash before the path", "https://example.com\\a"],
    ["line end", "https://example.com/a\n"],
    ["non-ASCII", "https://example.com/ü"],
  ])("target with %s", (_, uri) => expect(baseOf(message(uri), '"@target-uri"')).toBe(REFUSED));
});

describe("@query-param", () => {
  const uri = "https://example.com/p?param=value&foo=bar&baz=batman&qux=&plus=with+plus+whitespace&empty";
  test.each([
    [uri, "baz", "batman"],
    [uri, "qux", ""],
    [uri, "empty", ""],
    [uri, "plus", "with%20plus%20whitespace"],
    ["https://example.com/p?fa%C3%A7ade%22%3A%20=something", "fa%C3%A7ade%22%3A%20", "something"],
    ["https://example.com/p?v=%2a%2D%2e%5f", "v", "*-._"],
    ["https://example.com/p?v=!'()~", "v", "%21%27%28%29%7E"],
    ["https://example.com/p?v=a%0Ab", "v", "a%0Ab"],
    ["https://example.com/p??v=1", "%3Fv", "1"],
  ])("%s: %s", (target, name, value) => {
    expect(lineOf(message(target), `"@query-param";name="${name}"`)).toBe(value);
  });
  test.each([
    ["name twice", "https://example.com/p?a=1&a=2", 'name="a"'],
    ["name twice in two spellings", "https://example.com/p?a=1&%61=2", 'name="a"'],
    ["absent name", uri, 'name="none"'],
    ["name not encoded", "https://example.com/p?a%20b=1", 'name="a b"'],
    ["name of another type", "https://example.com/p?a=1", "name=a"],
    ["no name", "https://example.com/p?a=1", "req"],
  ])("%s", (_, target, parameter) =>
    expect(baseOf(message(target), `"@query-param";${parameter}`)).toBe(REFUSED),
  );
});

describe("fields", () => {
  const of = message("https://example.com/", {
    "@method": "GET",
    empty: "",
    spaced: "a,  b \t c",
    dict: 'a=1,   b;x=1;y=2,  c=(1   2);q , d="t"',
    "content-digest": "sha-256=:AQID:,   sha-512=:BA==:",
    twice: "a=1, a=2",
    one: "v,w",
    single: "a=1",
    priority: "u=1, u=2",
    "accept-ch": "a;x;x",
    "cache-status": "a; hit",
    "proxy-status": "x",
    "client-cert": ":AQID:,:AQID:",
    text: "not a dictionary!",
    forged: 'v\n"@method": GET',
    carriage: "v\r",
    unicode: "caf\u00e9",
    replaced: "\ufffd",
  });

  test.each([
    ['"empty"', ""],
    ['"spaced"', "a,  b \t c"],
    ['"dict"', 'a=1,   b;x=1;y=2,  c=(1   2);q , d="t"'],
    ['"dict";key="a"', "1"],
    ['"dict";key="b"', "?1;x=1;y=2"],
    ['"dict";key="c"', "(1 2);q"],
    ['"dict";key="d"', '"t"'],
    ['"content-digest"', "sha-256=:AQID:,   sha-512=:BA==:"],
    ['"content-digest";sf', "sha-256=:AQID:, sha-512=:BA==:"],
    ['"content-digest";sf;key="sha-256"', ":AQID:"],
    ['"content-digest";key="sha-256";sf', ":AQID:"],
    ['"one";bs', ":dix3:"],
    ['"empty";bs', "::"],
    ['"cache-status";sf', "a;hit"],
    ['"proxy-status";sf', "x"],
    ['"@method"', "POST"],
  ])("%s", (component, value) => expect(lineOf(of, component)).toBe(value));

  test.each([
    ["absent field", '"absent"'],
    ["name in upper case", '"Empty"'],
    ["empty name", '""'],
    ["sf on a field of unknown type", '"dict";sf'],
    ["sf on what every object has", '"constructor";sf'],
    ["sf on a Dictionary that is none", '"priority";sf'],
    ["sf on a List with a parameter twice", '"accept-ch";sf'],
    ["sf on an Item that is a List", '"client-cert";sf'],
    ["sf that is not true", '"content-digest";sf=?0'],
    ["sf as String", '"content-digest";sf="1"'],
    ["key without such a member", '"dict";key="z"'],
    ["key as Token", '"dict";key=a'],
    ["key of a field that is no Dictionary", '"text";key="not"'],
    ["key in a Dictionary with a repeated member", '"twice";key="a"'],
    ["key of an absent field", '"absent";key="a"'],
    ["req in a request", '"dict";req'],
    ["req on a derived component", '"@method";req'],
    ["req that is false", '"@method";req=?0'],
    ["bs of what may have been two lines", '"dict";bs'],
    ["bs of octets that are lost", '"unicode";bs'],
    ["bs of an absent field", '"absent";bs'],
    ["bs that is false", '"one";bs=?0'],
    ["bs with sf", '"cache-status";bs;sf'],
    ["bs with key", '"single";bs;key="a"'],
    ["name on a field", '"one";name="a"'],
    ["key on a derived component", '"@method";key="a"'],
    ["sf on a derived component", '"@path";sf'],
    ["tr", '"dict";tr'],
    ["unknown parameter", '"dict";what'],
    ["unknown parameter beside a known one", '"dict";key="a";what'],
    ["unknown derived component", '"@unknown"'],
    ["@status in a request", '"@status"'],
    ["@signature-params", '"@signature-params"'],
    ["line end and a forged line", '"forged"'],
    ["carriage return", '"carriage"'],
    ["UTF-8", '"unicode"'],
    ["octets that were no UTF-8", '"replaced"'],
  ])("%s", (_, component) => expect(baseOf(of, component)).toBe(REFUSED));

  test.each([
    ["component twice", '"empty" "@method" "empty"'],
    ["with equal parameters", '"dict";key="a" "dict";key="a"'],
    [
      "with parameters in another order",
      '"content-digest";sf;key="sha-256" "content-digest";key="sha-256";sf',
    ],
  ])("%s", (_, components) => expect(baseOf(of, components)).toBe(REFUSED));
});

describe("what an unproven request can make us read", () => {
  const times = (count: number, one: string) => Array(count).fill(one).join(" ");
  test.each(['"accept-ch";sf', '"text";bs', '"dict";key="a"', '"dict"'])(
    "%s many times is read once",
    (component) => {
      const headers = new Map([
        ["accept-ch", "a"],
        ["text", "t"],
        ["dict", "a=1"],
      ]);
      const read = vi.spyOn(headers, "get");
      expect(baseOf({ ...message("https://example.com/"), headers }, times(64, component))).toBe(REFUSED);
      expect(read).toHaveBeenCalledTimes(1);
    },
  );
  const half = MAX_REREAD_FIELD_BYTES / 2;
  const members = (octets: number) => `a=1, b="${"x".repeat(octets - 9)}"`;
  test("fields read anew have a size in all, each counted once", () => {
    const list = `a, "${"x".repeat(half - 5)}"`;
    const of = (priority: string, more = "") =>
      message("https://example.com/", { priority, "accept-ch": list, more });
    const both = '"priority";sf "priority";key="a" "priority";key="b" "accept-ch";sf';
    expect(half).toBe(MAX_SIGNATURE_FIELD_BYTES);
    expect(list).toHaveLength(half);
    expect(members(half)).toHaveLength(half);
    expect(baseOf(of(members(half)), both)).not.toBe(REFUSED);
    expect(baseOf(of(members(half), "x"), `${both} "more"`)).not.toBe(REFUSED);
    expect(baseOf(of(members(half), "x"), `${both} "more";bs`)).toBe(REFUSED);
  });
  test("bs has the same limit", () => {
    const of = (octets: number) => message("https://example.com/", { text: "x".repeat(octets) });
    expect(baseOf(of(MAX_REREAD_FIELD_BYTES), '"text";bs')).not.toBe(REFUSED);
    expect(baseOf(of(MAX_REREAD_FIELD_BYTES + 1), '"text";bs')).toBe(REFUSED);
    expect(baseOf(of(MAX_REREAD_FIELD_BYTES + 1), '"text"')).not.toBe(REFUSED);
  });
});

test("the base has one line for each component in the order received, and no line end at its end", () => {
  const of = message("https://example.com/p", { a: "1", dict: "x=1, y=2" });
  expect(baseOf(of, '"dict";key="y"  "@path" "a" "dict";key="x"')).toBe(
    '"dict";key="y": 2\n"@path": /p\n"a": 1\n"dict";key="x": 1\n' +
      '"@signature-params": ("dict";key="y" "@path" "a" "dict";key="x")',
  );
  expect(baseOf(of, "")).toBe('"@signature-params": ()');
});

describe("responses", () => {
  const request = message("https://example.com/p?a=1", { "content-type": "text/plain", dict: "x=1, y=2" });
  const response = (status: number, headers: Record<string, string> = {}): SignedMessage => ({
    kind: "response",
    status,
    headers: new Map(Object.entries({ "content-type": "application/json", dict: "x=3", ...headers })),
    request,
  });

  test.each([
    ['"@status"', "503"],
    ['"content-type"', "application/json"],
    ['"content-type";req', "text/plain"],
    ['"@method";req', "POST"],
    ['"@target-uri";req', "https://example.com/p?a=1"],
    ['"@path";req', "/p"],
    ['"@query";req', "?a=1"],
    ['"@query-param";name="a";req', "1"],
    ['"@query-param";req;name="a"', "1"],
    ['"dict";key="x"', "3"],
    ['"dict";key="x";req', "1"],
    ['"dict";req;key="y"', "2"],
    ['"content-type";bs;req', ":dGV4dC9wbGFpbg==:"],
  ])("%s", (component, value) => expect(lineOf(response(503), component)).toBe(value));

  test.each([
    ["a derived component of the request without req", '"@method"'],
    ["the target without req", '"@path"'],
    ["@status of the request", '"@status";req'],
    ["@status with another parameter", '"@status";name="a"'],
    ["req that is false", '"content-type";req=?0'],
    ["a field of the response, asked of the request", '"absent";req'],
    ["a member of the request's field that only the response has", '"dict";key="z";req'],
    ["a trailer", '"content-type";tr'],
    ["a component twice, with its parameters in another order", '"dict";req;key="y" "dict";key="y";req'],
    [
      "@query-param twice, with its parameters in another order",
      '"@query-param";name="a";req "@query-param";req;name="a"',
    ],
  ])("%s", (_, components) => expect(baseOf(response(200), components)).toBe(REFUSED));

  test("fields of both messages are told apart, also of one name", () => {
    expect(baseOf(response(200), '"dict";key="x" "dict";key="x";req')).toBe(
      '"dict";key="x": 3\n"dict";key="x";req: 1\n' +
        '"@signature-params": ("dict";key="x" "dict";key="x";req)',
    );
  });
});
