import { isObject, type JsonObject, type JsonValue } from "../../json/strict-json.ts";
import type { PolicyLibrary } from "../../libraries/load.ts";
import { MAX_SCHEMA_STEPS } from "../../limits.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { Found, Path } from "../../tenant/faults.ts";
import { sizeOf } from "../rules/size.ts";
import type { InputSchema } from "./input-schema.ts";
import { checkRoot, subschemas } from "./keywords.ts";
import { workOfSchema } from "./work.ts";

/** Compiles the schema of a tool's arguments, or says what is wrong with it. */
export function compileInputSchema(
  schema: JsonObject,
  { Validator }: PolicyLibrary,
  at: Path,
): Result<InputSchema, readonly Found[]> {
  const found = checkRoot(schema, at);
  if (found.length > 0) return fail(found);
  const worked = workOfSchema(schema, at);
  if (!worked.ok) return fail([worked.error]);
  const { keywords, readings, namings, comparisons } = worked.value;
  // It marks the schema that it is given.
  const own = structuredClone(schema);
  narrowAddresses(own);
  const validator = new Validator(own, "2020-12");
  return ok((args) => {
    const { weight, values, names, items } = sizeOf(args);
    const texts = (weight - values) * readings + names * namings;
    const steps = values * keywords + texts + comparisons * items * weight;
    if (steps > MAX_SCHEMA_STEPS) return fail("policy.arguments_too_costly");
    try {
      return validator.validate(args).valid ? ok(undefined) : fail("policy.arguments_invalid");
    } catch {
      // It collects faults, in the tens of thousands where arguments are made for that, and then has no room left on its stack.
      return fail("policy.arguments_too_costly");
    }
  });
}

/** Without zeros before other digits. */
const IPV4 =
  "^(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}$";

/** The library takes `0177.0.0.1` for an address, which some read as 127.0.0.1, and others as 177.0.0.1. */
function narrowAddresses(schema: JsonValue): void {
  if (!isObject(schema)) return;
  for (const { schema: sub } of subschemas(schema, [])) narrowAddresses(sub);
  if (schema.format !== "ipv4") return;
  const { allOf = [] } = schema;
  (schema as Record<string, JsonValue>).allOf = [...(allOf as readonly JsonValue[]), { pattern: IPV4 }];
}
