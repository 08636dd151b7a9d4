import { describe, expect, test } from "vitest";
import { remoteHostProblem, remoteUrlProblem } from "../../src/remote/url.ts";

describe("taken", () => {
  test.each([
    "https://keys.example.com/jwks.json",
    "https://keys.example.com/",
    "https://keys.example.com/a?b=c",
    "https://xn--bcher-kva.example/jwks",
    "https://a.b-c.1x.co/",
  ])("%s", (url) => {
    expect(remoteUrlProblem(url)).toBeNull();
  });
});

describe("refused", () => {
  test.each([
    ["", "must be an absolute URL"],
    ["/jwks.json", "must be an absolute URL"],
    ["http://keys.example.com/", "must be https"],
    ["ftp://keys.example.com/", "must be https"],
    ["data:application/json,{}", "must be https"],
    ["https://user@keys.example.com/", "user information"],
    ["https://:secret@keys.example.com/", "user information"],
    ["https://@keys.example.com/", "must be written as"],
    ["https://keys.example.com:8443/", "must not have a port"],
    ["https://keys.example.com:443/", "must be written as"],
    ["https://keys.example.com/#frag", "must not have a fragment"],
    ["https://keys.example.com/#", "must not have a fragment"],
    ["https://keys.example.com", "must be written as"],
    ["https://KEYS.example.com/", "must be written as"],
    ["https://keys.example.com/a/../b", "must be written as"],
    ["https://keys.example.com\\b", "must be written as"],
    ["https://keys.exam\tple.com/", "must be written as"],
    ["https://keys.example.com/\n", "must be written as"],
    [" https://keys.example.com/", "must be written as"],
    ["https://b\u00fccher.example/", "must be written as"],
    ["https://keys.example.com./", "dot after its host name"],
    ["https://*.example.com/", "letters, digits"],
    ["https://a_b.example.com/", "letters, digits"],
    ["https://intranet/", "host name with a dot"],
    ["https://localhost/", "host name with a dot"],
    ["https://keys.localhost/", ".localhost"],
    ["https://printer.local/", ".local"],
    ["https://metadata.google.internal/", ".internal"],
    ["https://router.home.arpa/", ".home.arpa"],
    ["https://home.arpa/", ".home.arpa"],
    ["https://keys.example.com/jwks?", "empty query"],
    ["https://keys.example.com/?", "empty query"],
    ["https://hidden.onion/", ".onion"],
  ])("%j: %s", (url, problem) => {
    expect(remoteUrlProblem(url)).toContain(problem);
  });

  test.each(["A.example", "a.example:443", "a.example/b", "0x7f.1", "foo.0", "a.example."])(
    "the host name %s",
    (host) => {
      expect(remoteHostProblem(host)).toMatch(/^must/);
    },
  );

  test.each([
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0",
    "169.254.169.254",
    "10.0.0.1",
    "\u2460\u2461\u2467.0.0.1",
    "127.0.0.1.",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[fd00::1]",
  ])("the address %s", (host) => {
    expect(remoteUrlProblem(`https://${host}/`)).toMatch(/IP address/);
  });
});
