-- A verdict can be `observed`, and an answer be delivered otherwise than the origin gave it. A CHECK can only be changed with its table.
CREATE TABLE audit_records_next (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('decision', 'outcome', 'summary')),
  decision TEXT NOT NULL,
  tenant TEXT NOT NULL,
  revision TEXT,
  chain TEXT NOT NULL,
  seq INTEGER NOT NULL CHECK (seq > 0),
  time INTEGER NOT NULL,
  verdict TEXT CHECK (verdict IN ('admitted', 'observed', 'denied')),
  reason TEXT,
  principal TEXT NOT NULL,
  mandate TEXT,
  run TEXT,
  method TEXT,
  tool TEXT,
  action TEXT,
  input_hash TEXT,
  output_hash TEXT,
  delivered_hash TEXT,
  status INTEGER,
  latency_ms INTEGER,
  count INTEGER,
  checks TEXT NOT NULL,
  kept TEXT,
  evidence TEXT,
  execution TEXT,
  digest TEXT,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  v INTEGER NOT NULL,
  UNIQUE (chain, seq)
) STRICT, WITHOUT ROWID;

INSERT INTO audit_records_next (id, kind, decision, tenant, revision, chain, seq, time, verdict, reason, principal, mandate, run, method,
  tool, action, input_hash, output_hash, status, latency_ms, count, checks, kept, evidence, execution, digest, prev_hash, hash, v)
  SELECT id, kind, decision, tenant, revision, chain, seq, time, verdict, reason, principal, mandate, run, method,
    tool, action, input_hash, output_hash, status, latency_ms, count, checks, kept, evidence, execution, digest, prev_hash, hash, v
  FROM audit_records;

DROP TABLE audit_records;
ALTER TABLE audit_records_next RENAME TO audit_records;

CREATE INDEX audit_records_by_time ON audit_records (tenant, time);
CREATE INDEX audit_records_by_run ON audit_records (tenant, run, time) WHERE run IS NOT NULL AND kind = 'decision';
CREATE INDEX audit_records_by_execution_record ON audit_records (tenant, evidence ->> '$.record.run')
  WHERE evidence ->> '$.record.run' IS NOT NULL;
CREATE INDEX audit_records_observed ON audit_records (tenant, time) WHERE verdict = 'observed';
