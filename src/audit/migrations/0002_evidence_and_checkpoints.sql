-- What a decision rests on, JSON. `digest` is what the hash of a record is over, beside the hash before it.
ALTER TABLE audit_records ADD COLUMN kept TEXT;
ALTER TABLE audit_records ADD COLUMN evidence TEXT;
ALTER TABLE audit_records ADD COLUMN execution TEXT;
ALTER TABLE audit_records ADD COLUMN digest TEXT;

-- A run is read in the order of time; a record (phase 2) may come under a mandate of another run than its own.
CREATE INDEX audit_records_by_run ON audit_records (tenant, run, time) WHERE run IS NOT NULL AND kind = 'decision';
CREATE INDEX audit_records_by_execution_record ON audit_records (tenant, evidence ->> '$.record.run')
  WHERE evidence ->> '$.record.run' IS NOT NULL;

-- Records that audit_records does not take, as they are, and what it said. A record is here or there, or, where two are at
-- one place of a chain, one here and one there.
CREATE TABLE audit_set_aside (
  hash TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  chain TEXT NOT NULL,
  seq INTEGER NOT NULL,
  record TEXT NOT NULL,
  error TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_set_aside_by_place ON audit_set_aside (tenant, chain, seq);
CREATE INDEX audit_set_aside_by_id ON audit_set_aside (tenant, record ->> '$.id');

-- `jws` is signed and published; `heads` is the JSON array of what its root is over, null once that is not kept any more.
CREATE TABLE checkpoints (
  tenant TEXT NOT NULL,
  number INTEGER NOT NULL CHECK (number > 0),
  time INTEGER NOT NULL,
  jws TEXT NOT NULL,
  heads TEXT,
  PRIMARY KEY (tenant, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX checkpoints_by_time ON checkpoints (tenant, time);
