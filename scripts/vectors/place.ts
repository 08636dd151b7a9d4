import { join } from "node:path";

export const VECTORS = join(import.meta.dirname, "../../vectors");

/** Written by hand, or, the keys, once. */
export const KEPT_FILES: ReadonlySet<string> = new Set(["README.md", "keys.json"]);
