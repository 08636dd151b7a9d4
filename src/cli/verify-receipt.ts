/** `countersign verify receipt`: checks a receipt offline. Exit codes: 0 ok, 1 a fault, 2 wrong use. */

import { parseArgs } from "node:util";
import { checkReceipt, type Held } from "../audit/receipts/check.ts";
import { FAULTS } from "../audit/receipts/faults.ts";
import type { Report } from "../audit/receipts/report.ts";
import { fromBase64url, fromUtf8 } from "../encoding.ts";
import { isObject, type JsonObject } from "../json/strict-json.ts";
import { fail, ok, type Result } from "../result.ts";
import { readCheckpoints, readJson, readText } from "./held-files.ts";
import { complain, tell } from "./say.ts";

const USAGE = `Usage: countersign verify receipt FILE --keys FILE [--receipt FILE] [--checkpoint FILE ...] [--attestation FILE]

  FILE                what GET <tenant>/receipts/<decision> answered, or the value of a Countersign-Receipt header
  --keys FILE         what is published at /.well-known/countersign/<path of the endpoint>, or a JWK Set
  --receipt FILE      a receipt that you kept, to hold against the answer: the value of the header of the call's own answer
  --checkpoint FILE   checkpoints that you kept: what was published then, or JWS with white space between them; repeat it for more
  --attestation FILE  the attestation as the call had it: the value of X-MCP-Attestation, or its JSON`;

interface Arguments {
  readonly shown: string;
  readonly keys: string;
  readonly receipt: string | undefined;
  readonly checkpoints: readonly string[];
  readonly attestation: string | undefined;
}

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = readArguments(argv);
  if (!parsed.ok) return complain(2, parsed.error, "", USAGE);
  if (parsed.value === "help") return tell(0, USAGE);
  const { shown, keys, receipt, checkpoints, attestation } = parsed.value;
  const files = [shown, keys, receipt, ...checkpoints, attestation].filter((file) => file !== undefined);
  const texts = new Map<string, string>();
  for (const file of files) {
    const text = await readText(file);
    if (!text.ok) return complain(2, text.error);
    texts.set(file, text.value);
  }
  const textOf = (file: string): string => texts.get(file) ?? "";
  const attested = attestation === undefined ? null : readAttestation(textOf(attestation));
  if (attested === "malformed") return complain(2, `${attestation}: is no attestation.`);
  const held: Held = {
    receipt: receipt === undefined ? null : textOf(receipt),
    checkpoints: checkpoints.flatMap((file) => readCheckpoints(textOf(file))),
    attestation: attested,
  };
  return say(await checkReceipt(textOf(shown), readJson(textOf(keys)), held));
}

function readArguments(argv: readonly string[]): Result<Arguments | "help", string> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: {
        keys: { type: "string" },
        receipt: { type: "string" },
        checkpoint: { type: "string", multiple: true, default: [] },
        attestation: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
      allowPositionals: true,
    });
    if (values.help) return ok("help");
    const [shown, ...others] = positionals;
    const { keys, receipt, checkpoint: checkpoints, attestation } = values;
    if (shown === undefined || others.length > 0) return fail("Name one file with a receipt.");
    if (keys === undefined) return fail("Name the published keys with --keys FILE.");
    return ok({ shown, keys, receipt, checkpoints, attestation });
  } catch (error) {
    return fail((error as Error).message);
  }
}

function readAttestation(text: string): JsonObject | "malformed" {
  const trimmed = text.trim();
  const bytes = trimmed.startsWith("{") ? null : fromBase64url(trimmed);
  const value = readJson(bytes === null ? trimmed : (fromUtf8(bytes) ?? ""));
  return isObject(value) ? value : "malformed";
}

function say({ claims, checked, unchecked, fault }: Report): number {
  const lines = [
    ...(claims === null
      ? []
      : [`decision ${claims.jti}: ${claims.sub}, ${claims.act ?? "no action"}, ${saidOf(claims)}`]),
    ...checked.map((sentence) => `checked: ${sentence}`),
    ...unchecked.map((sentence) => `NOT checked: ${sentence}`),
    fault === null ? "ok" : `fault: ${fault}: ${FAULTS[fault]}`,
  ];
  return tell(fault === null ? 0 : 1, ...lines);
}

const saidOf = ({ verdict, reason, iat, iss }: NonNullable<Report["claims"]>): string =>
  `${verdict}${reason === null ? "" : ` (${reason})`} at ${new Date(iat * 1000).toISOString()} by ${iss}`;
