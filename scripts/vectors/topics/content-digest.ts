import { alsoCovering, contentDigest, makeCall, notCovering, type Target } from "../make/call.ts";
import { admitted, denied, type Topic } from "../make/case.ts";
import { utf8 } from "../make/tokens.ts";

const RULE = "RFC 9530 section 2";
const ALGORITHMS = "RFC 9530 section 5";
const SEVERAL = "RFC 9530 section 6.6";

const EMPTY = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
const ZEROS_512 = `sha-512=:${"A".repeat(86)}==:`;

/** A call whose digests are made from its own body. */
const withDigest =
  (make: (digest: (algorithm: "sha-256" | "sha-512") => Promise<string>) => Promise<string>) =>
  async (target: Target) => {
    const { body } = await makeCall(target);
    return makeCall(target, { digest: await make((algorithm) => contentDigest(algorithm, body)) });
  };

export const digest: Topic = {
  name: "content-digest",
  title: "Content-Digest (RFC 9530)",
  cases: [
    admitted("sha-256", "sha-256", ALGORITHMS, {}),
    admitted(
      "sha-512",
      "sha-512 alone",
      ALGORITHMS,
      withDigest((make) => make("sha-512")),
    ),
    admitted(
      "both",
      "Both",
      SEVERAL,
      withDigest(async (make) => `${await make("sha-256")}, ${await make("sha-512")}`),
    ),
    admitted(
      "unknown-beside",
      "An algorithm that nobody knows beside sha-256",
      SEVERAL,
      withDigest(async (make) => `x-new=:AAAA:, ${await make("sha-256")}`),
    ),
    admitted(
      "deprecated-beside",
      "A wrong md5 beside sha-256: it proves nothing and is passed over",
      ALGORITHMS,
      withDigest(async (make) => `md5=:AAAA:, ${await make("sha-256")}`),
    ),
    denied(
      "missing",
      "digest.missing",
      "A body without a digest",
      "Countersign profile, Signature profiles",
      { digest: null },
    ),
    denied("changed-body", "digest.mismatch", "One byte of the body is changed", RULE, {
      after: (m) => ({ ...m, body: utf8(Buffer.from(m.body).toString().replace("tides", "tidez")) }),
    }),
    denied("reformatted", "digest.mismatch", "The body has another space, and means the same", RULE, {
      after: (m) => ({ ...m, body: utf8(`${Buffer.from(m.body).toString()} `) }),
    }),
    denied(
      "weak-fails",
      "digest.mismatch",
      "sha-256 is wrong, sha-512 right",
      SEVERAL,
      withDigest(async (make) => `${EMPTY}, ${await make("sha-512")}`),
    ),
    denied(
      "strong-fails",
      "digest.mismatch",
      "sha-512 is wrong, sha-256 right",
      SEVERAL,
      withDigest(async (make) => `${await make("sha-256")}, ${ZEROS_512}`),
    ),
    denied("of-nothing", "digest.mismatch", "The digest of no octets with a body", RULE, { digest: EMPTY }),
    denied("md5-alone", "digest.malformed", "md5 alone", ALGORITHMS, {
      digest: "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:",
    }),
    denied("unknown-alone", "digest.malformed", "An algorithm that nobody knows alone", ALGORITHMS, {
      digest: "x-new=:AAAA:",
    }),
    denied("sha-1", "digest.malformed", "sha alone", ALGORITHMS, {
      digest: "sha=:2jmj7l5rSw0yVb/vlWAYkK/YBwk=:",
    }),
    denied("short", "digest.malformed", "A sha-256 of 31 octets", RULE, {
      digest: `sha-256=:${Buffer.alloc(31).toString("base64")}:`,
    }),
    denied("hex", "digest.malformed", "A sha-256 in hexadecimal", RULE, {
      digest: `sha-256=${"0".repeat(64)}`,
    }),
    denied(
      "string",
      "digest.malformed",
      "A String in place of a Byte Sequence",
      RULE,
      withDigest(async (make) => (await make("sha-256")).replaceAll(":", '"')),
    ),
    denied(
      "old-form",
      "digest.malformed",
      "The form of RFC 3230",
      "RFC 9530 section 1.3",
      withDigest(async (make) => (await make("sha-256")).replace("sha-256=", "SHA-256=").replaceAll(":", "")),
    ),
    denied(
      "twice",
      "digest.malformed",
      "sha-256 twice, the right one last",
      "RFC 9651 section 3.2",
      withDigest(async (make) => `${EMPTY}, ${await make("sha-256")}`),
    ),
    denied(
      "twice-right-first",
      "digest.malformed",
      "sha-256 twice, the right one first",
      "RFC 9651 section 3.2",
      withDigest(async (make) => `${await make("sha-256")}, ${EMPTY}`),
    ),
    denied("empty-field", "digest.malformed", "An empty Content-Digest", RULE, { digest: "" }),
    denied("repr", "digest.missing", "Repr-Digest in its place", "RFC 9530 section 3", async (t) => {
      const { body } = await makeCall(t);
      return makeCall(t, {
        digest: null,
        headers: { "Repr-Digest": await contentDigest("sha-256", body) },
        signature: { components: alsoCovering("repr-digest") },
      });
    }),
    admitted("empty-body", "GET with the digest of no octets", RULE, { method: "GET", digest: EMPTY }),
    denied(
      "empty-body-wrong",
      "digest.mismatch",
      "GET with the digest of a body that was taken away",
      RULE,
      withoutBody,
    ),
    denied(
      "uncovered",
      "signature.coverage",
      "A good digest that the signature does not cover",
      "RFC 9530 section 6.3",
      {
        signature: { components: notCovering("content-digest") },
      },
    ),
  ],
};

async function withoutBody(target: Target) {
  return makeCall(target, { method: "GET", digest: await contentDigest("sha-256", utf8("{}")) });
}
