/** The section `audit` of a tenant document: what is kept of its decisions, and for how long. */

import * as v from "valibot";
import { POINTER, readPointer } from "../../json/pointer.ts";
import {
  CHECKPOINT_INTERVAL,
  MAX_CHECKPOINT_INTERVAL,
  MAX_KEPT_FIELDS,
  MAX_KEPT_LENGTH,
  MAX_RETENTION_DAYS,
  MAX_TENANT_LIST,
  MIN_CHECKPOINT_INTERVAL,
} from "../../limits.ts";
import { fields, integer, list, must, nonEmptyList, text, toolName } from "../fields.ts";

const kept = fields({
  tool: toolName,
  arguments: nonEmptyList(
    v.pipe(
      text(
        POINTER,
        "must be a JSON Pointer (RFC 6901) that is not empty, such as /customer/id",
        "Where the field is in the arguments.",
      ),
      v.maxLength(MAX_KEPT_LENGTH, `must have at most ${MAX_KEPT_LENGTH} characters`),
      must((pointer) =>
        POINTER.test(pointer) && readPointer(pointer) === null
          ? "has more steps than arguments may nest"
          : null,
      ),
    ),
    MAX_KEPT_FIELDS,
    `Fields whose values are kept as they are, where they are texts of at most ${MAX_KEPT_LENGTH} characters, numbers, true, false or null.`,
  ),
});

export const audit = v.pipe(
  fields({
    checkpointSeconds: v.optional(
      integer(
        MIN_CHECKPOINT_INTERVAL,
        MAX_CHECKPOINT_INTERVAL,
        "Time between two signed checkpoints of the tenant's chains.",
      ),
      CHECKPOINT_INTERVAL,
    ),
    retentionDays: v.optional(
      integer(1, MAX_RETENTION_DAYS, "Audit records that are older are deleted. Absent: none is."),
    ),
    keep: v.optional(
      list(
        kept,
        MAX_TENANT_LIST,
        "Fields of calls that the audit log shows. Of all others there are digests alone.",
      ),
      [],
    ),
  }),
  v.description("The audit log."),
);

export interface AuditPolicy {
  /** Milliseconds. */
  readonly checkpointInterval: number;
  /** Milliseconds; null where records are kept for ever. */
  readonly retention: number | null;
  /** By tool, JSON Pointers into the arguments. */
  readonly keep: ReadonlyMap<string, readonly string[]>;
}

export const auditPolicy = ({
  checkpointSeconds,
  retentionDays,
  keep,
}: v.InferOutput<typeof audit>): AuditPolicy => ({
  checkpointInterval: checkpointSeconds * 1000,
  retention: retentionDays === undefined ? null : retentionDays * 86_400_000,
  keep: new Map(keep.map(({ tool, arguments: pointers }) => [tool, pointers])),
});
