import { describe, expect, test } from "vitest";
import { PUBLIC_FORMS, REASONS, type Reason } from "../src/reasons.ts";

const ALL = Object.keys(REASONS) as Reason[];

/** Groups whose codes tell a forger which check he passed. */
const HIDDEN: Record<string, keyof typeof PUBLIC_FORMS> = {
  act: "bearer.invalid",
  wit: "wit.invalid",
  signature: "signature.invalid",
  digest: "signature.invalid",
  ect: "ect.invalid",
  attestation: "attestation.invalid",
  principal: "principal.invalid",
  token: "token.invalid",
  dpop: "dpop.invalid",
  revoked: "bearer.invalid",
};

/** What tells of other evidence than its group's. */
const REVOKED: Partial<Record<Reason, keyof typeof PUBLIC_FORMS | null>> = {
  "revoked.token": "token.invalid",
  "revoked.subject": "token.invalid",
  "revoked.tenant": null,
};

/** What anybody can see for himself: that he sent nothing. */
const HARMLESS: readonly Reason[] = ["signature.missing", "wit.missing", "ect.missing"];

/** What is said of an access token whose holder is known by then; and of the nonce, which the challenge asks for by name. */
const OF_HOLDERS: readonly Reason[] = [
  "token.evidence_beside",
  "token.no_rule",
  "token.scope",
  "dpop.nonce",
  "dpop.replay",
];

describe.each(ALL)("%s", (reason) => {
  test("is a group and a name", () => {
    expect(reason).toMatch(/^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z0-9]+)*$/);
  });

  test("has a sentence of help", () => {
    expect(REASONS[reason].help).toMatch(/^[A-Za-z].*\.$/);
  });

  test("is hidden from strangers where its group is", () => {
    const group = reason.split(".")[0] ?? "";
    const { publicForm } = REASONS[reason];
    if ([...HARMLESS, ...OF_HOLDERS].includes(reason)) expect(publicForm).toBeNull();
    else if (reason in REVOKED) expect(publicForm).toBe(REVOKED[reason]);
    else if (group === "bearer")
      expect(publicForm).toBe(reason === "bearer.missing" ? null : "bearer.invalid");
    else expect(publicForm).toBe(HIDDEN[group] ?? null);
  });
});

test("a public form is no reason: it would name one", () => {
  for (const form of Object.keys(PUBLIC_FORMS)) expect(ALL).not.toContain(form);
});
