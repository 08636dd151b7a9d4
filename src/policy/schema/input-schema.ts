import type { JsonObject } from "../../json/strict-json.ts";
import type { Reason } from "../../reasons.ts";
import type { Result } from "../../result.ts";

/** The schema of a tool's arguments, compiled. */
export type InputSchema = (args: JsonObject) => Result<void, Reason>;
