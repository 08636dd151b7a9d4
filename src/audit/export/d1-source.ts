/** The log in D1, read in pages: one request may make so many queries, and hold so many rows. */

import { withDeadline } from "../../deadline.ts";
import { D1_DEADLINE_MS, EXPORT_PAGE_HEADS, EXPORT_PAGE_ROWS, MAX_EXPORT_QUERIES } from "../../limits.ts";
import type { Head } from "../checkpoint.ts";
import type { AuditRecord } from "../record.ts";
import { type Row, recordOf } from "../rows.ts";
import { pagesOf } from "./spans.ts";
import type { Source } from "./write.ts";

const RECORDS = `SELECT r.* FROM json_each(?) AS span
  CROSS JOIN audit_records AS r
    ON r.chain = span.value ->> 'chain' AND r.seq BETWEEN span.value ->> 'from' AND span.value ->> 'to'
  ORDER BY r.chain, r.seq`;

const CHECKPOINTS =
  "SELECT number, jws, heads FROM checkpoints WHERE tenant = ? AND number BETWEEN ? AND ? ORDER BY number LIMIT ?";

const SET_ASIDE = "SELECT hash, record FROM audit_set_aside WHERE hash IN (SELECT value FROM json_each(?))";

/**
 * The log of one tenant. Its iterators throw where D1 does not answer, and when the request has made as many queries as it may: then
 * what is read from them breaks off, and another request goes on.
 *
 * @param chains of the tenant: how many heads a checkpoint has at the most
 */
export function d1Source(db: D1Database, tenant: string, chains: number): Source {
  let queries = 0;
  const rows = <T>(query: string, ...values: (string | number)[]): Promise<T[]> => {
    queries += 1;
    if (queries > MAX_EXPORT_QUERIES) throw new Error("as many queries as one request may make");
    return rowsOf<T>(db, query, ...values);
  };
  return {
    async *checkpoints(from, to) {
      const size = Math.min(EXPORT_PAGE_ROWS, Math.ceil(EXPORT_PAGE_HEADS / (chains + 1)));
      for (let next = from; next <= to; ) {
        const page = await rows<{ number: number; jws: string; heads: string | null }>(
          CHECKPOINTS,
          tenant,
          next,
          to,
          size,
        );
        for (const { number, jws, heads } of page)
          yield { number, jws, heads: parsed(heads ?? "null") as readonly Head[] | null };
        // What is missing whoever verifies the export is to miss.
        next = page.length < size ? to + 1 : (page.at(-1)?.number ?? to) + 1;
      }
    },
    async *records(spans) {
      for (const page of pagesOf(spans, EXPORT_PAGE_ROWS)) {
        for (const row of await rows<Row>(RECORDS, JSON.stringify(page))) yield readRow(row);
      }
    },
    async *setAside(wanted) {
      for (let i = 0; i < wanted.length; i += EXPORT_PAGE_ROWS) {
        const page = wanted.slice(i, i + EXPORT_PAGE_ROWS);
        const hashes = JSON.stringify(page.map(({ hash }) => hash));
        const found = await rows<{ hash: string; record: string }>(SET_ASIDE, hashes);
        const byHash = new Map(found.map(({ hash, record }) => [hash, record]));
        for (const one of page) {
          const text = byHash.get(one.hash);
          if (text !== undefined) yield { ...one, record: parsed(text) as AuditRecord };
        }
      }
    },
  };
}

/** @throws where D1 does not answer */
export async function rowsOf<T>(
  db: D1Database,
  query: string,
  ...values: readonly (string | number)[]
): Promise<T[]> {
  const asked = db
    .prepare(query)
    .bind(...values)
    .all<T>();
  return (await withDeadline(asked, D1_DEADLINE_MS)).results;
}

/** A row that somebody has spoiled is exported as it is: whoever verifies the export is to see it. */
function readRow(row: Row): AuditRecord {
  try {
    return recordOf(row);
  } catch {
    return row as unknown as AuditRecord;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
