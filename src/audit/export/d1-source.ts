/** The log in D1, read in pages: one request may make so many queries, and hold so many rows. */

import { EXPORT_PAGE_HEADS, EXPORT_PAGE_ROWS, MAX_EXPORT_QUERIES } from "../../limits.ts";
import { type Head, readCheckpoint } from "../checkpoint.ts";
import { rowsOf } from "../query.ts";
import type { AuditRecord } from "../record.ts";
import { type Row, recordOf } from "../rows.ts";
import { type Place, pagesOf, placeKey, placesIn, sizeOf } from "./spans.ts";
import type { Plan, Source } from "./write.ts";

const RECORDS = `SELECT r.* FROM json_each(?) AS span
  CROSS JOIN audit_records AS r
    ON r.chain = span.value ->> 'chain' AND r.seq BETWEEN span.value ->> 'from' AND span.value ->> 'to'
  ORDER BY r.chain, r.seq`;

const CHECKPOINTS =
  "SELECT number, jws, heads FROM checkpoints WHERE tenant = ? AND number BETWEEN ? AND ? ORDER BY number LIMIT ?";

const SET_ASIDE = "SELECT hash, record FROM audit_set_aside WHERE hash IN (SELECT value FROM json_each(?))";

const NEWEST = "SELECT jws, heads FROM checkpoints WHERE tenant = ? ORDER BY number DESC LIMIT 1";

/** The log of one tenant in D1. All that reads it throws where it does not answer. */
export interface Log {
  readonly tenant: string;
  ask<T>(query: string, ...values: (string | number)[]): Promise<T[]>;
}

export const logOf = (db: D1Database, tenant: string): Log => ({
  tenant,
  ask: (query, ...values) => rowsOf(db, query, ...values),
});

/**
 * What a plan says is to be exported. Its iterators throw where D1 does not answer, when the request has made as many queries as it
 * may, and where retention has deleted what they were to find: then what is read from them breaks off, and another request goes on or
 * is told that the export cannot be gone on with. What somebody else has deleted or spoiled whoever verifies the export is to see.
 */
export function d1Source(unlimited: Log, { claims: { retained }, latest, setAside }: Plan): Source {
  const log = limited(unlimited, MAX_EXPORT_QUERIES);
  const mustBeKept = async (isForgotten: (kept: Kept) => boolean): Promise<void> => {
    if (isForgotten(await keptNow(log))) throw new Error("retention has deleted a part of the export");
  };
  return {
    async *checkpoints(from, to) {
      const size = Math.min(EXPORT_PAGE_ROWS, Math.ceil(EXPORT_PAGE_HEADS / (latest.size + 1)));
      for (let next = from; next <= to; ) {
        type Stored = { number: number; jws: string; heads: string | null };
        const page = await log.ask<Stored>(CHECKPOINTS, log.tenant, next, to, size);
        for (const { number, jws, heads } of page) {
          if (heads === null && number >= retained) await mustBeKept((kept) => number < kept.retained);
          yield { number, jws, heads: parsed(heads ?? "null") as readonly Head[] | null };
        }
        next = page.length < size ? to + 1 : (page.at(-1)?.number ?? to) + 1;
      }
    },
    async *records(spans) {
      for (const page of pagesOf(spans, EXPORT_PAGE_ROWS)) {
        const found = await log.ask<Row>(RECORDS, JSON.stringify(page));
        if (found.length < sizeOf(page)) {
          const there = new Set([...found, ...setAside].map(placeKey));
          const missing = placesIn(page).filter((place) => !there.has(placeKey(place)));
          if (missing.length > 0) await mustBeKept(isExpired(missing));
        }
        for (const row of found) yield readRow(row);
      }
    },
    async *setAside(wanted) {
      for (let i = 0; i < wanted.length; i += EXPORT_PAGE_ROWS) {
        const page = wanted.slice(i, i + EXPORT_PAGE_ROWS);
        const hashes = JSON.stringify(page.map(({ hash }) => hash));
        const found = await log.ask<{ hash: string; record: string }>(SET_ASIDE, hashes);
        const byHash = new Map(found.map(({ hash, record }) => [hash, record]));
        for (const one of page) {
          const text = byHash.get(one.hash);
          if (text !== undefined) yield { ...one, record: parsed(text) as AuditRecord };
          else await mustBeKept(isExpired([one]));
        }
      }
    },
  };
}

function limited({ ask, tenant }: Log, most: number): Log {
  let asked = 0;
  return {
    tenant,
    ask: (query, ...values) => {
      asked += 1;
      if (asked > most) throw new Error("as many queries as one request may make");
      return ask(query, ...values);
    },
  };
}

/** What is kept, as the newest checkpoint in D1 says: retention deletes nothing else. */
export interface Kept {
  /** Lowest number of a checkpoint whose heads are kept. */
  readonly retained: number;
  /** By chain, the first record that is kept. */
  readonly starts: ReadonlyMap<string, number>;
}

export async function keptNow({ ask, tenant }: Log): Promise<Kept> {
  const [newest] = await ask<{ jws: string; heads: string | null }>(NEWEST, tenant);
  const read = readCheckpoint(newest?.jws ?? "");
  const heads = parsed(newest?.heads ?? "[]") as readonly Head[];
  return {
    retained: read.ok ? read.value.retained : 1,
    starts: new Map(heads.map(({ chain, start }) => [chain, start])),
  };
}

/** Whether retention has deleted a record at one of these places, or is about to. */
export const isExpired =
  (places: readonly Place[]) =>
  ({ starts }: Kept): boolean =>
    places.some(({ chain, seq }) => seq < (starts.get(chain) ?? 1));

/** A row that somebody has spoiled is exported as it is. */
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
