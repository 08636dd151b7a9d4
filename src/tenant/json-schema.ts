/** The JSON Schema of tenant documents, for editors. Build time only: the Worker must not import this file. */

import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import { tenantDocument } from "./schema/document.ts";

/**
 * Shape, bounds, defaults and descriptions (JSON Schema draft-07). Checks that are code have no counterpart there;
 * anything else that cannot be converted throws, so that the schema never silently says less.
 */
export const tenantJsonSchema = (): JsonSchema =>
  toJsonSchema(tenantDocument, { typeMode: "input", ignoreActions: ["raw_check"] });
