/**
 * Our verifier of HTTP message signatures against another one (`http-message-sig`): requests with a signature of either,
 * as they are and with one thing changed. Both must say the same, but for differences that have a name here and are
 * told from our reason or from the message, never from the other's verdict alone.
 */

import {
  type ComponentDescriptor,
  createSignature,
  isSignatureError,
  type RequestDescriptor,
  verifySignature,
} from "http-message-sig";
import type { BareItem } from "structured-headers";
import { expect, test } from "vitest";
import { contentDigest } from "../../src/evidence/http-signature/content-digest.ts";
import { component } from "../../src/evidence/http-signature/fields.ts";
import { requiredComponents } from "../../src/evidence/http-signature/profiles.ts";
import { makeSignature } from "../../src/evidence/http-signature/sign.ts";
import type { AgentKey } from "../../src/tenant/tenant.ts";
import {
  agentKey,
  BODY,
  type KeyName,
  NOW,
  outcome,
  signerOf,
  TARGET,
  verify,
} from "../evidence/http-signature/helpers.ts";
import { keysIn } from "../support/agents.ts";
import { otherSignature } from "../support/malleable.ts";
import { type Random, randomOf } from "../support/random.ts";
import { again, SEED, SIZE } from "./size.ts";

const MESSAGES = 400 * SIZE;

/** Header lines keep their order and repetitions. */
interface Message {
  readonly method: string;
  readonly targetUri: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly input: string;
  readonly signature: string;
}

type Covered = { readonly name: string; readonly parameters?: Readonly<Record<string, BareItem>> };

const KEYS: readonly KeyName[] = ["ed25519", "p256"];
const keys: Readonly<Record<KeyName, AgentKey>> = {
  ed25519: await agentKey("ed25519", "agent"),
  p256: await agentKey("p256", "agent"),
};
const signers = { ed25519: await signerOf("ed25519"), p256: await signerOf("p256") };
const ALG = { ed25519: "ed25519", p256: "ecdsa-p256-sha256" } as const;
const WEBCRYPTO = { ed25519: { name: "Ed25519" }, p256: { name: "ECDSA", hash: "SHA-256" } } as const;

// -- both verdicts ------------------------------------------------------------------------------------------

/** Lines of one name as Fetch joins them. */
function joined(fields: Message["fields"]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of fields) {
    const [key, text] = [name.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, "")];
    headers.set(key, headers.has(key) ? `${headers.get(key)}, ${text}` : text);
  }
  return headers;
}

/** "ok" or the reason. */
const ours = async ({ method, targetUri, fields, input, signature }: Message): Promise<string> =>
  outcome(
    await verify(
      { kind: "request", method, targetUri, headers: joined(fields) },
      { signatureInput: input, signature },
      { findKey: keysIn(keys.ed25519, keys.p256) },
    ),
  );

const descriptor = ({ method, targetUri, fields, input, signature }: Message): RequestDescriptor => ({
  kind: "request",
  method,
  targetUri,
  requestTarget: targetUri.replace(/^[^:]*:\/\/[^/?]*/, "").replace(/^(?!\/)/, "/"),
  fields: [
    ...fields.map(([name, value]) => ({ name, value })),
    { name: "Signature-Input", value: input },
    { name: "Signature", value: signature },
  ],
});

/** "ok" or the code. The other has no policy of its own: it is given what our profile asks. */
async function theirs(message: Message): Promise<string> {
  // It chooses by label, we by key.
  const label = /(?:^|,\s*)([a-z*][a-z0-9_.*-]*)=\([^)]*\)[^,]*keyid="(?:ed25519|p256)"/.exec(
    message.input,
  )?.[1];
  try {
    await verifySignature(descriptor(message), {
      ...(label !== undefined && { label }),
      policy: {
        algorithms: Object.values(ALG),
        requiredComponents: requiredComponents("agent", [...joined(message.fields).keys()], new Set()),
        requiredParameters: ["created", "expires", "nonce", "keyid", "wimse-aud"],
        clockSkew: 30,
        now: NOW,
        validate: ({ parameters }) => parameters["wimse-aud"] === TARGET,
      },
      resolveVerifier({ parameters: { keyid } }) {
        if (keyid !== "ed25519" && keyid !== "p256") throw new Error("unknown key");
        return {
          algorithm: ALG[keyid],
          verify: (data, signature) =>
            crypto.subtle.verify(
              WEBCRYPTO[keyid],
              keys[keyid].key,
              new Uint8Array(signature),
              new Uint8Array(data),
            ),
        };
      },
    });
    return "ok";
  } catch (error) {
    if (!isSignatureError(error)) throw error;
    return error.code;
  }
}

// -- messages -----------------------------------------------------------------------------------------------

const PATHS = ["/acme/mcp", "", "/", "/a/../b/%2e%2e/c", "//a", "/%7Efoo", "/x'y", "/a;b=c"];
const QUERIES = ["", "?", "?a=1&b=2", "?x='", "?q=%E2%82%AC&q2=a+b"];
const HOSTS = ["mcp.example", "MCP.Example", "mcp.example:443", "mcp.example:8443", "mcp.example:80"];

const FIELDS: readonly (readonly [string, string])[] = [
  ["Content-Type", "application/json"],
  ["Mcp-Session-Id", "s-1"],
  ["Mcp-Param-Region", ""],
  ["X-Custom", "  two  spaces\t inside "],
  ["Accept", "application/json"],
  ["accept", "text/event-stream"],
  ["Priority", 'u=1,  i;a=1;b="x, y",   c=(1   2);d'],
];

const DERIVED = ["@scheme", "@authority", "@path", "@query", "@request-target"];

/** What the other does not have; ours does, or refuses it as well. */
const UNSUPPORTED: readonly Covered[] = [
  { name: "priority", parameters: { sf: true } },
  { name: "@query-param", parameters: { name: "a" } },
  { name: "accept", parameters: { bs: true } },
  { name: "accept", parameters: { tr: true } },
  { name: "@unknown" },
];

async function make(random: Random): Promise<{ message: Message; components: readonly Covered[] }> {
  const { below, pick, shuffle } = random;
  const targetUri = `https://${pick(HOSTS)}${pick(PATHS)}${pick(QUERIES)}`;
  const fields = [
    ["Authorization", "Bearer mandate"] as const,
    ["Content-Digest", await contentDigest(BODY)] as const,
    ...FIELDS.filter(() => below(2) === 0),
  ];
  const headers = joined(fields);
  const method = pick(["POST", "GET", "DELETE", "post"]);
  const required = requiredComponents("agent", [...headers.keys()], new Set());
  const wanted: Covered[] = [
    ...required,
    ...DERIVED.filter(() => below(4) === 0),
    ...["x-custom", "accept"].filter((name) => headers.has(name) && below(2) === 0),
  ].map((name) => ({ name }));
  if (headers.has("priority") && below(2) === 0) {
    wanted.push({ name: "priority", parameters: { key: pick(["u", "i", "c"]) } });
  }
  const components = shuffle(wanted);
  const bare = { method, targetUri, fields, input: "", signature: "" };
  const key = pick(KEYS);
  const parameters = {
    created: NOW - below(60),
    expires: NOW + 60,
    nonce: `n-${below(1e9)}`,
    keyid: key,
    ...(below(2) === 0 && { alg: ALG[key] }),
    ...(below(4) === 0 && { tag: 'a "b" \\ c' }),
    "wimse-aud": TARGET,
  };
  const made = below(2) === 0 ? await signOurs(bare, key, components, parameters) : null;
  const signed = made ?? (await signTheirs(bare, key, components, parameters));
  return { message: { ...bare, ...signed }, components };
}

type SignedFields = Pick<Message, "input" | "signature">;

async function signOurs(
  { method, targetUri, fields }: Message,
  key: KeyName,
  components: readonly Covered[],
  parameters: Readonly<Record<string, BareItem>>,
): Promise<SignedFields> {
  const { signatureInput, signature } = await makeSignature(
    { kind: "request", method, targetUri, headers: joined(fields) },
    {
      components: components.map(({ name, parameters = {} }) =>
        component(name, new Map(Object.entries(parameters))),
      ),
      parameters: new Map(Object.entries(parameters)),
      label: "sig",
      sign: signers[key],
    },
  );
  return { input: signatureInput, signature };
}

async function signTheirs(
  message: Message,
  key: KeyName,
  components: readonly Covered[],
  parameters: Readonly<Record<string, string | number>>,
): Promise<SignedFields> {
  const { fields } = descriptor(message);
  const { signatureInput, signature } = await createSignature(
    { ...descriptor(message), fields: fields.slice(0, -2) },
    {
      label: "sig",
      components: components.map(
        ({ name, parameters = {} }) => ({ name, parameters }) as ComponentDescriptor,
      ),
      parameters,
      signer: { algorithm: ALG[key], sign: (data) => signers[key](new Uint8Array(data)) },
    },
  );
  return { input: signatureInput, signature };
}

// -- one change ---------------------------------------------------------------------------------------------

type Change = (message: Message, random: Random) => Message | Promise<Message>;

const splice = (text: string, at: number, gone: number, put: string): string =>
  text.slice(0, at) + put + text.slice(at + gone);

const inField =
  (change: (value: string, random: Random) => string): Change =>
  (message, random) => {
    const at = random.below(message.fields.length);
    const fields = message.fields.map(([name, value], i) =>
      i === at ? ([name, change(value, random)] as const) : ([name, value] as const),
    );
    return { ...message, fields };
  };
const inInput =
  (change: (input: string, random: Random) => string): Change =>
  (message, random) => ({ ...message, input: change(message.input, random) });
const inSignature =
  (change: (signature: string, random: Random) => string): Change =>
  (message, random) => ({ ...message, signature: change(message.signature, random) });

const printable = (random: Random): string => String.fromCharCode(32 + random.below(95));

/** Signed again with one more component. What we cannot sign ourselves keeps its signature, which then covers less. */
async function coveringMore(message: Message, more: Covered, random: Random): Promise<Message> {
  const key = random.pick(KEYS);
  const required = requiredComponents("agent", [...joined(message.fields).keys()], new Set());
  const components = [...required.map((name) => ({ name })), more];
  const parameters = { created: NOW, expires: NOW + 60, nonce: "n", keyid: key, "wimse-aud": TARGET };
  try {
    return { ...message, ...(await signOurs(message, key, components, parameters)) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { ...message, input: message.input.replace("(", `(${identifierOf(more)} `) };
  }
}

const identifierOf = ({ name, parameters = {} }: Covered): string =>
  component(name, new Map(Object.entries(parameters))).identifier;

const CHANGES: Readonly<Record<string, Change>> = {
  nothing: (message) => message,
  "another method": (message, { pick }) => ({ ...message, method: pick(["PUT", "get", "POST "]).trim() }),
  "another target": (message, { pick }) => ({
    ...message,
    targetUri: `https://${pick(HOSTS)}${pick(PATHS)}${pick(QUERIES)}`,
  }),
  "a byte of a value": inField((value, random) =>
    splice(value, random.below(value.length + 1), random.below(2), printable(random)),
  ),
  "white space round a value": inField((value) => ` \t${value}  `),
  "an octet that is not ASCII": inField((value, random) =>
    splice(value, random.below(value.length + 1), 0, "\u00e9"),
  ),
  "a line of a field repeated": (message, { pick }) => ({
    ...message,
    fields: [...message.fields, pick(message.fields)],
  }),
  "a field dropped": (message, { below }) => ({
    ...message,
    fields: message.fields.filter((_, i) => i !== below(message.fields.length)),
  }),
  "a field added": (message) => ({ ...message, fields: [...message.fields, ["Mcp-Name", "search"]] }),
  "fields in another order": (message, { shuffle }) => ({ ...message, fields: shuffle(message.fields) }),
  "names in capitals": (message) => ({
    ...message,
    fields: message.fields.map(([name, value]) => [name.toUpperCase(), value] as const),
  }),
  "a byte of the input": inInput((input, random) =>
    splice(input, random.below(input.length), random.below(2), printable(random)),
  ),
  "a byte of the signature": inSignature((text, random) =>
    splice(text, random.below(text.length), random.below(2), printable(random)),
  ),
  "components in another order": inInput((input, { shuffle }) =>
    input.replace(/\(([^)]*)\)/, (_, list: string) => `(${shuffle(list.split(" ")).join(" ")})`),
  ),
  "a component dropped": inInput((input, { below }) =>
    input.replace(/\(([^)]*)\)/, (_, list: string) => {
      const items = list.split(" ");
      items.splice(below(items.length), 1);
      return `(${items.join(" ")})`;
    }),
  ),
  "a component repeated": inInput((input) => input.replace(/\(("[^ )]*)/, "($1 $1")),
  "a component in capitals": inInput((input) => input.replace('"authorization"', '"Authorization"')),
  "a component with req": inInput((input) => input.replace('"@method"', '"@method";req')),
  "a component with req=?0": inInput((input) => input.replace('"@method"', '"@method";req=?0')),
  "spaces in the list": inInput((input) => input.replace("(", "(  ").replace(")", "   )")),
  "spaces behind semicolons": inInput((input) => input.replaceAll(";", ";  ")),
  "a time as a decimal": inInput((input) => input.replace(/created=(\d+)/, "created=$1.0")),
  "a time with a zero": inInput((input) => input.replace(/expires=/, "expires=0")),
  "a time as a string": inInput((input) => input.replace(/created=(\d+)/, 'created="$1"')),
  "a time as a date": inInput((input) => input.replace(/created=(\d+)/, "created=@$1")),
  "a parameter twice": inInput((input) => input.replace(/;keyid="[^"]*"/, "$&$&")),
  "a parameter as a flag": inInput((input) => input.replace(";nonce=", ";extra;nonce=")),
  "a parameter dropped": inInput((input, { pick }) =>
    input.replace(
      new RegExp(`;${pick(["created", "expires", "nonce", "keyid", "wimse-aud"])}=("[^"]*"|\\d+)`),
      "",
    ),
  ),
  "another label": (message) => ({
    ...message,
    input: message.input.replace("sig=", "mine="),
    signature: message.signature.replace("sig=", "mine="),
  }),
  "another label in one field": inInput((input) => input.replace("sig=", "mine=")),
  "the label twice": inInput((input) => `${input}, ${input}`),
  "somebody else's signature beside it": (message, { pick }) => {
    const [input, signature] = ['o=("@method" "@odd";x);created=1;keyid="zed"', "o=:AAAA:"];
    return pick([true, false])
      ? { ...message, input: `${input}, ${message.input}`, signature: `${signature}, ${message.signature}` }
      : { ...message, input: `${message.input},${input}`, signature: `${message.signature},${signature}` };
  },
  "somebody else's with a date": (message) => ({
    ...message,
    input: `${message.input}, o=("@method");x=@1`,
    signature: `${message.signature}, o=:AAAA:`,
  }),
  "one more value than inputs": inSignature((text) => `${text}, more=:AAAA:`),
  "a parameter of the value": inSignature((text) => `${text};x`),
  "no padding": inSignature((text) => text.replace(/=+:$/, ":")),
  "unused bits set": inSignature((text) =>
    text.replace(/([AQgw])==:$/, (_, c: string) => `${String.fromCharCode(c.charCodeAt(0) + 1)}==:`),
  ),
  "the other alphabet": inSignature((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  "the other signature of ECDSA": inSignature((text) => {
    const bytes = Buffer.from(/:(.*):/.exec(text)?.[1] ?? "", "base64");
    return `sig=:${otherSignature(bytes).toString("base64")}:`;
  }),
  "a covered Dictionary with a key twice": (message) => ({
    ...message,
    fields: message.fields.map(
      ([name, value]) => [name, name === "Priority" ? `u=9, ${value}` : value] as const,
    ),
  }),
  "more covered than the other knows": async (message, random) => {
    const fields = message.fields.filter(([name]) => name !== "Priority");
    const present = {
      ...message,
      targetUri: "https://mcp.example/acme/mcp?a=1",
      fields: [...fields, ["Priority", "u=1"] as const, ["Accept", "x"] as const],
    };
    return coveringMore(present, random.pick(UNSUPPORTED), random);
  },
  "another life": inInput((input, { pick }) =>
    input.replace(/created=\d+/, `created=${NOW + pick([-9000, -301, 29, 31, 1e9])}`),
  ),
};

// -- differences that have a name -----------------------------------------------------------------------------

/** From message and verdicts: what explains that the two differ. */
const POLICIES: readonly (readonly [string, (message: Message, us: string, them: string) => boolean])[] = [
  [
    "we refuse odd spellings of times",
    ({ input }, us) => us === "signature.malformed" && /=\d+\.0|=0\d|=@/.test(input),
  ],
  [
    "the other refuses dates and display strings everywhere",
    ({ input }, us, them) => us === "ok" && them === "UnsupportedFeature" && /=@/.test(input),
  ],
  [
    "the other refuses parameters of a Signature member, which nobody signs",
    ({ signature }, us, them) => us === "ok" && them === "MalformedField" && signature.includes(";"),
  ],
  [
    "the other refuses octets that are not ASCII in fields that are not covered",
    ({ fields }, us, them) =>
      us === "ok" && them === "MalformedField" && fields.some(([, value]) => /[^\t\x20-\x7e]/.test(value)),
  ],
  [
    "we refuse a covered Dictionary that has a key twice",
    ({ fields }, us) => us === "signature.component" && /u=.*u=/.test(joined(fields).get("priority") ?? ""),
  ],
  [
    "the other has no sf, no bs and no @query-param",
    ({ input }, us, them) =>
      us === "ok" && them === "UnsupportedFeature" && /;sf|;bs|@query-param/.test(input),
  ],
];

test(`${MESSAGES} requests, as they are and with one change (seed ${SEED})`, {
  timeout: 60_000 * SIZE,
}, async () => {
  const random = randomOf(SEED);
  const named: Record<string, number> = {};
  const verdicts: Record<string, number> = {};
  const surprises: string[] = [];
  const changes = Object.entries(CHANGES);
  for (let i = 0; i < MESSAGES; i += 1) {
    const { message } = await make(random);
    const [name, change] = changes[i % changes.length] as (typeof changes)[number];
    const changed = await change(message, random);
    const [us, them] = [await ours(changed), await theirs(changed)];
    verdicts[us] = (verdicts[us] ?? 0) + 1;
    // A signature by either verifies in both.
    if (name === "nothing" && us !== "ok") surprises.push(`${name}: ${us}: ${JSON.stringify(message)}`);
    if ((us === "ok") === (them === "ok")) continue;
    const policy = POLICIES.find(([, holds]) => holds(changed, us, them))?.[0];
    if (policy === undefined)
      surprises.push(`${name}: we say ${us}, they ${them}: ${JSON.stringify(changed)}`);
    else named[policy] = (named[policy] ?? 0) + 1;
  }
  expect(surprises, again).toEqual([]);
  // Or the run would prove little: many are accepted, and for many reasons others are not.
  expect(verdicts.ok).toBeGreaterThan(MESSAGES / 8);
  expect(Object.keys(verdicts).length).toBeGreaterThan(8);
  // Nor is a policy there that explains nothing.
  expect(Object.keys(named).sort()).toEqual(POLICIES.map(([policy]) => policy).sort());
});
