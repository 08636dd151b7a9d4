-- Append only. A chain is one ledger incarnation with one writer, so (chain, seq) is unique;
-- a repeated batch changes nothing, while another record with the same id or place is refused.
CREATE TABLE audit_records (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('decision', 'outcome', 'summary')),
  decision TEXT NOT NULL,
  tenant TEXT NOT NULL,
  revision TEXT,
  chain TEXT NOT NULL,
  seq INTEGER NOT NULL CHECK (seq > 0),
  time INTEGER NOT NULL,
  verdict TEXT CHECK (verdict IN ('admitted', 'denied')),
  reason TEXT,
  principal TEXT NOT NULL,
  mandate TEXT,
  run TEXT,
  method TEXT,
  tool TEXT,
  action TEXT,
  input_hash TEXT,
  output_hash TEXT,
  status INTEGER,
  latency_ms INTEGER,
  count INTEGER,
  checks TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  v INTEGER NOT NULL,
  UNIQUE (chain, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_records_by_time ON audit_records (tenant, time);
