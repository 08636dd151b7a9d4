/** HTTP message signatures in a tenant document: the sections `signature` and `webBotAuth`, and the `workload` of an agent. */

import * as v from "valibot";
import type { KeyAlgorithm } from "../../keys/key.ts";
import type { SignatureAgentSource } from "../../keys/source.ts";
import { MAX_IDENTIFIER_LENGTH, MAX_TENANT_LIST, MAX_WEB_BOT_AUTH_LIFETIME } from "../../limits.ts";
import { remoteUrlProblem } from "../../remote/url.ts";
import { bindingName, fields, integer, list, must, nonEmptyList } from "../fields.ts";
import { trustDomainOf } from "../workload-identifier.ts";
import { keyRole } from "./keys.ts";

export const signature = v.pipe(
  fields({
    algorithms: v.optional(
      nonEmptyList(
        v.picklist(["ES256", "ES384", "EdDSA", "PS512"]),
        4,
        "What the keys of agents may be for: ecdsa-p256-sha256, ecdsa-p384-sha384, ed25519 and rsa-pss-sha512 of RFC 9421, by their JOSE names.",
      ),
      ["ES256", "ES384", "EdDSA", "PS512"],
    ),
    unsafeAlgorithms: v.optional(
      list(
        v.picklist(["RS256", "HS256"]),
        2,
        "Takes rsa-v1_5-sha256 (RS256), whose padding is from before it could be proven safe, and hmac-sha256 (HS256), with which whoever verifies can also sign. HS256 keys are JWKs with kty oct, k and kid.",
      ),
      [],
    ),
  }),
  v.description("HTTP message signatures of agents."),
);

export interface SignaturePolicy {
  /** What agents may sign messages with. */
  readonly algorithms: ReadonlySet<KeyAlgorithm | "HS256">;
  /** Those of them that have public keys. */
  readonly publicAlgorithms: readonly KeyAlgorithm[];
}

export const signaturePolicy = ({
  algorithms,
  unsafeAlgorithms,
}: v.InferOutput<typeof signature>): SignaturePolicy => {
  const all = new Set([...algorithms, ...unsafeAlgorithms]);
  return { algorithms: all, publicAlgorithms: [...all].filter((alg) => alg !== "HS256") };
};

const subjectProblem = (text: string): string | null =>
  trustDomainOf(text) === null ? "must be a workload identifier, such as wimse://example.org/agent" : null;

export const workload = v.pipe(
  fields({
    subjects: nonEmptyList(
      v.pipe(v.string(), must(subjectProblem), v.description("The sub of its WIT, byte for byte.")),
      MAX_TENANT_LIST,
      "Its workload identifiers.",
    ),
    revision: v.optional(
      v.pipe(
        v.picklist(["wimse-07", "wimse-06"]),
        v.description("The revision of draft-ietf-wimse-http-signature that it signs by."),
      ),
      "wimse-07",
    ),
    lane: keyRole.lane,
  }),
  v.description(
    "For an agent that has a workload identity token (WIT) in place of registered keys: it signs HTTP messages and ECTs with the key in its token.",
  ),
);

/** The profiles of WIMSE, which differ in what they cover. */
export type WimseProfile = "wimse-06" | "wimse-07";

/** How a workload proves that it is an agent. */
export interface Workload {
  /** The `sub` of its WIT. */
  readonly subjects: ReadonlySet<string>;
  readonly profile: WimseProfile;
  readonly lane: number;
}

function botProblem(url: string, type: string): string | null {
  const resolved = signatureAgentUrl(url, type);
  if (resolved === null)
    return "must be https, and for a directory a host alone, such as https://bot.example";
  return /[?#]/.test(url) ? "must not have a query or fragment" : remoteUrlProblem(resolved);
}

const bot = v.pipe(
  fields({
    url: v.pipe(
      v.string(),
      v.maxLength(MAX_IDENTIFIER_LENGTH, `must have at most ${MAX_IDENTIFIER_LENGTH} characters`),
      v.description(
        "As it stands in Signature-Agent: https, and for a directory nothing behind the host but a slash.",
      ),
    ),
    type: v.optional(
      v.pipe(
        v.picklist(["directory", "jwks_uri"]),
        v.description(
          "What is there: a host with a directory of keys for HTTP message signatures, or a JWK set.",
        ),
      ),
      "directory",
    ),
    binding: v.optional(
      bindingName("Binding of the Worker to fetch through; without it, over the internet."),
    ),
  }),
  must(({ url, type }) => botProblem(url, type)),
);

/** Two spellings of one agent may say two things of how it is reached, so neither counts. */
function repeatedBot(bots: v.InferOutput<typeof bot>[]): string | null {
  const seen = new Set<string>();
  for (const { url, type } of bots) {
    const resolved = signatureAgentUrl(url, type);
    if (resolved === null) continue;
    if (seen.has(resolved)) return `must name an agent once: ${resolved}`;
    seen.add(resolved);
  }
  return null;
}

export const webBotAuth = v.pipe(
  fields({
    agents: v.pipe(
      nonEmptyList(bot, MAX_TENANT_LIST, "The agents that are known. No other is ever fetched from."),
      must(repeatedBot),
    ),
    maxLifetimeSeconds: v.optional(
      integer(1, MAX_WEB_BOT_AUTH_LIFETIME, "Longest time from created to expires."),
      MAX_WEB_BOT_AUTH_LIFETIME,
    ),
  }),
  v.description(
    "Verifies signatures of Web Bot Auth and writes down whose software called. They authorise nothing. Absent: they are not looked at.",
  ),
);

export interface WebBotAuthPolicy {
  /** By `signatureAgentUrl`. */
  readonly agents: ReadonlyMap<string, SignatureAgentSource>;
  /** Seconds. */
  readonly maxLifetime: number;
}

export function webBotAuthPolicy(
  section: v.InferOutput<typeof webBotAuth> | undefined,
): WebBotAuthPolicy | null {
  if (section === undefined) return null;
  const agents = new Map<string, SignatureAgentSource>();
  for (const { url, type: form, binding = null } of section.agents) {
    const resolved = signatureAgentUrl(url, form);
    if (resolved !== null) agents.set(resolved, { type: "signatureAgent", form, url: resolved, binding });
  }
  return { agents, maxLifetime: section.maxLifetimeSeconds };
}

/**
 * What identifies an agent of the web: the URL that its keys are at, without query and fragment; null for one that is not
 * https, and for a directory that is not that of a whole origin.
 */
export function signatureAgentUrl(text: string, form: string): string | null {
  const url = URL.parse(text);
  if (url?.protocol !== "https:" || url.username !== "" || url.password !== "") return null;
  if (form !== "directory") return url.origin + url.pathname;
  const isOrigin = url.pathname === "/" && url.search === "" && url.hash === "";
  return isOrigin ? `${url.origin}/.well-known/http-message-signatures-directory` : null;
}
