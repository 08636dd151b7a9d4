/** All sets of published vectors, in the order in which they are shown. */

import { published, vaara } from "./attestations.ts";
import { jcs } from "./jcs.ts";
import { pairs, receipts } from "./receipts.ts";
import { rfc9421 } from "./rfc9421.ts";
import type { VectorSet } from "./set.ts";
import { parsing, serialising, strictly } from "./structured-fields.ts";

export const SETS: readonly VectorSet[] = [
  rfc9421,
  parsing,
  serialising,
  strictly,
  jcs,
  published,
  vaara,
  receipts,
  pairs,
];
