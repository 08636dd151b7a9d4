import { admitted, type CaseSource, type Draft, denied, type Topic } from "../make/case.ts";
import { key } from "../make/keys.ts";

const RULE = "RFC 9421 section 3.3";

/** Ada has this key as well, and the tenant takes its algorithm. */
const withKey =
  (name: string, unsafe?: "RS256" | "HS256") =>
  (d: Draft): void => {
    const { publicJwk, alg, secret } = key(name);
    d.agents[0]?.keys?.push({ jwk: { ...publicJwk, alg, ...(secret !== null && { k: secret }) } });
    if (unsafe) d.signature = { unsafeAlgorithms: [unsafe] };
  };

const ALGORITHMS: readonly (readonly [id: string, name: string, by: string, unsafe?: "RS256" | "HS256"])[] = [
  ["p256", "ecdsa-p256-sha256", "ada-second"],
  ["p384", "ecdsa-p384-sha384", "ada-p384"],
  ["ed25519", "ed25519", "ada-ed25519"],
  ["rsa-v1-5", "rsa-v1_5-sha256", "ada-rsa", "RS256"],
  ["hmac", "hmac-sha256", "ada-secret", "HS256"],
];

/** These keys sign no ECTs, so what is called needs none. */
const call = (by: string, parameters: Readonly<Record<string, string>> = {}) => ({
  rpc: { id: 1, method: "ping" },
  ect: null,
  signature: { by, parameters },
});

export const algorithms: Topic = {
  name: "algorithms",
  title: "Algorithms of HTTP message signatures",
  cases: ALGORITHMS.flatMap(([id, name, by, unsafe]): CaseSource[] => {
    const change = by.startsWith("ada-second") || by === "ada-ed25519" ? {} : { change: withKey(by, unsafe) };
    return [
      admitted(id, `${name}${unsafe ? ", where the tenant takes it" : ""}`, RULE, call(by), change),
      admitted(`${id}-named`, `${name}, named by alg`, RULE, call(by, { alg: name }), change),
      denied(
        `${id}-other`,
        "signature.alg",
        `alg of another algorithm than ${name}`,
        "RFC 9421 section 3.2",
        call(by, { alg: name === "ed25519" ? "hmac-sha256" : "ed25519" }),
        change,
      ),
      denied(
        `${id}-by-other`,
        "signature.mismatch",
        `${name}: the octets of another's signature`,
        RULE,
        { ...call(by), signature: { by, sign: (base) => key("stranger").sign(base) } },
        change,
      ),
    ];
  }),
};
