import { makeCall, type Target } from "../../make/call.ts";
import { admitted, type CaseSource, denied, NOW } from "../../make/case.ts";
import { signRequest } from "../../make/http-signature.ts";
import { changeHeader, headerOf, type Message, withLine } from "../../make/message.ts";
import {
  beside,
  covering,
  FIELDS,
  FOREIGN,
  field,
  PARAMETERS,
  PROFILE,
  parameters,
  signature,
  VERIFY,
} from "./changes.ts";

/** A second, good signature of the same agent under another label. */
async function signedTwice(target: Target): Promise<Message> {
  const message = await makeCall(target);
  const signed = await signRequest(
    { method: message.method, targetUri: target.url, headers: message.headers },
    {
      by: "ada-second",
      components: ["@method", "@target-uri"],
      parameters: { created: target.now, expires: target.now + 60, nonce: "other", "wimse-aud": target.url },
    },
  );
  const withInput = changeHeader(message, "Signature-Input", (own) => `${own}, other=${signed.input}`);
  return changeHeader(withInput, "Signature", (own) => `${own}, other=${signed.signature}`);
}

export const selectionCases: readonly CaseSource[] = [
  // -- which signature counts ------------------------------------------------
  admitted("relabelled", "The label is renamed on the way: it is not signed and means nothing", FIELDS, {
    after: (m) =>
      changeHeader(
        changeHeader(m, "Signature-Input", (v) => v.replace(/^sig=/, "proxy-1=")),
        "Signature",
        (v) => v.replace(/^sig=/, "proxy-1="),
      ),
  }),
  admitted(
    "foreign-behind",
    "A signature of somebody else's behind ours, with components that nobody knows",
    "RFC 9421 section 4.3",
    beside('proxy=("@nothing";x "x-y";bs);keyid="proxy-key";tag="proxy"', `proxy=${FOREIGN}`),
  ),
  admitted(
    "foreign-before",
    "The same before ours",
    "RFC 9421 section 4.3",
    beside('proxy=();keyid="proxy-key"', `proxy=${FOREIGN}`, "before"),
  ),
  admitted("foreign-label", "Somebody else's signature under a label that sounds like ours", FIELDS, {
    signature: { label: "other" },
    ...beside('sig=();keyid="proxy-key"', `sig=${FOREIGN}`, "before"),
  }),
  denied(
    "bad-and-good",
    "signature.not_one",
    "A bad signature by our agent's other key before a good one",
    VERIFY,
    beside('bad=("@method");created=1772064000;keyid="ada-2"', `bad=${FOREIGN}`, "before"),
  ),
  denied(
    "good-and-bad",
    "signature.not_one",
    "The same behind the good one",
    VERIFY,
    beside('bad=("@method");created=1772064000;keyid="ada-2"', `bad=${FOREIGN}`),
  ),
  denied(
    "two-good",
    "signature.not_one",
    "Two signatures by registered keys, each good",
    VERIFY,
    signedTwice,
  ),
  denied("key-unknown", "signature.key_unknown", "A keyid that is not registered", VERIFY, {
    signature: { by: "stranger" },
  }),
  denied("no-keyid", "signature.key_unknown", "There is no keyid", VERIFY, parameters({ keyid: undefined })),
  denied(
    "keyid-token",
    "signature.key_unknown",
    "keyid is a Token",
    VERIFY,
    parameters({ keyid: { raw: "ada-1" } }),
  ),
  denied(
    "issuers-key",
    "signature.key_unknown",
    "The issuer of the mandate signs the request itself",
    PROFILE,
    { signature: { by: "issuer" } },
  ),
  denied(
    "input-label-more",
    "signature.labels",
    "A label in Signature-Input alone",
    FIELDS,
    field("Signature-Input", (v) => `${v}, x=()`),
  ),
  denied(
    "signature-label-more",
    "signature.labels",
    "A label in Signature alone",
    FIELDS,
    field("Signature", (v) => `${v}, x=${FOREIGN}`),
  ),
  denied(
    "labels-differ",
    "signature.labels",
    "As many labels in both, and other ones",
    FIELDS,
    field("Signature", (v) => v.replace(/^sig=/, "Sig2=".toLowerCase())),
  ),

  // -- duplicates -------------------------------------------------------------------
  denied(
    "label-twice",
    "signature.malformed",
    "A label twice in one field",
    "RFC 9651 section 3.2",
    field("Signature-Input", (v) => `sig=();created=1, ${v}`),
  ),
  denied("label-on-two-lines", "signature.malformed", "A label on two lines", "RFC 9651 section 3.2", {
    after: (m) => withLine(m, "Signature-Input", headerOf(m, "Signature-Input")),
  }),
  denied(
    "created-twice",
    "signature.malformed",
    "created twice",
    PARAMETERS,
    signature({ parameters: { tag: { raw: `"x";created=${NOW}` } } }),
  ),
  denied(
    "component-twice-reordered",
    "signature.component",
    "A component twice, with its parameters in another order",
    "RFC 9421 section 2",
    covering(
      { id: '"content-digest";key="sha-256";sf', value: "" },
      { id: '"content-digest";sf;key="sha-256"', value: "" },
    ),
  ),
  denied(
    "parameter-twice",
    "signature.malformed",
    "A component's parameter twice",
    "RFC 9651 section 3.1.2",
    covering({ id: '"accept";x;x', value: "" }),
  ),
  denied("content-type-twice", "message.content_type", "Content-Type in two lines", "RFC 9110 section 5.3", {
    after: (m) => withLine(m, "Content-Type", "application/json"),
  }),
];
