/**
 * Every number, once, with its reason. Times are seconds and sizes are bytes unless the name says otherwise.
 * A tenant document can narrow these, never widen them: what is kept against replay is sized by them.
 */

// -- time ---------------------------------------------------------------------------------------------

/** Clock difference we tolerate. The figure the ACT and ECT reference code and SEP-2787 use. */
export const CLOCK_SKEW = 30;

/** Longest life of an ACT mandate. A run graph is kept this long, so it bounds what a ledger stores. */
export const MAX_MANDATE_LIFETIME = 24 * 3600;

/** Life of a mandate that an issuer may grant where the tenant document does not say: one working session. */
export const DEFAULT_MANDATE_LIFETIME = 3600;

/** Oldest `iat` of an ECT, as in the reference code (15 minutes). */
export const MAX_ECT_AGE = 900;

/** Longest time from `created` to `expires` of an HTTP signature: "a window of minutes" (WIMSE HTTP-sig 3). */
export const MAX_SIGNATURE_WINDOW = 300;

/** Longest time from `created` to `expires` of a signature of Web Bot Auth: what its draft recommends. */
export const MAX_WEB_BOT_AUTH_LIFETIME = 24 * 3600;

/** Life of the signature of a refusal: it is read at once. */
export const RESPONSE_SIGNATURE_LIFETIME = 60;

/** Longest `expSeconds` of a tool call attestation: the maximum SEP-2787 recommends. */
export const MAX_ATTESTATION_TTL = 300;

/** Oldest session id, where the tenant document does not say, and the most it can say. An older one begins anew. */
export const DEFAULT_SESSION_AGE = 24 * 3600;
export const MAX_SESSION_AGE = 7 * 24 * 3600;

/** The longest time between two checks of an open answer's caller. */
export const STREAM_RECHECK = 60;

/** How long a stream may go on where a new request would find its mandate expired: time to open the next one. */
export const STREAM_GRACE = 60;

// -- what is read from a request ----------------------------------------------------------------------

/** Different headers of a request. Browsers and SDKs send about 25; a kit adds 8. */
export const MAX_HEADER_COUNT = 100;

/** All header names and values together. Workers allow 128 KiB; evidence and tokens need far less. */
export const MAX_HEADERS_BYTES = 64 * 1024;

/** Request body, where the tenant document does not set a lower one: twice what common MCP servers see. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** Time to send the body. A slow client holds memory for this long. */
export const BODY_DEADLINE_MS = 15_000;

/** Nesting of JSON. MCP needs about 12; 64 keeps every later recursive reader safe. */
export const MAX_JSON_DEPTH = 64;

/** Members and elements in one JSON text: bounds the memory that a body of brackets takes. */
export const MAX_JSON_VALUES = 100_000;

/** One JWS (mandate, ECT). A mandate with 100 capabilities is about 8 KiB. */
export const MAX_TOKEN_BYTES = 16 * 1024;

/** Any identifier inside a token: jti, kid, iss, sub, aud, wid, nonce. */
export const MAX_IDENTIFIER_LENGTH = 2048;

/** The subject of an access token: it is part of a ledger's name and of every record. OpenID Connect allows 255; some are URLs. */
export const MAX_TOKEN_SUBJECT_LENGTH = 512;

/**
 * A principal as JSON text: with tenant, lane and version, 77 characters at the most, it is the name of a ledger, for which 1 KiB is
 * enough. The directory keeps the names of all ledgers, and every record has its principal.
 */
export const MAX_PRINCIPAL_LENGTH = 940;

/** A jti or nonce is a storage key: a UUID has 36 characters, 128 leaves room. */
export const MAX_JTI_LENGTH = 128;

/** Capabilities in one mandate. */
export const MAX_CAPABILITIES = 256;

/** Delegations from the root mandate to the one presented. Each mandate holds its parent, a third larger each time. */
export const MAX_DELEGATION_DEPTH = 4;

/** Ranges of characters in one pattern of a mandate, counted as often as a quantifier repeats them. */
export const MAX_PATTERN_SIZE = 256;

/** The same of all patterns of a mandate together: with the length below, some 20 ms where everything is made to be slow. */
export const MAX_PATTERN_WORK = 4096;

/** Characters of an argument that a pattern can match: identifiers, paths and URLs have fewer. */
export const MAX_PATTERN_INPUT = 1024;

/** Audiences in one token. */
export const MAX_AUDIENCES = 16;

/** Parents one ECT may name. A client that lists every earlier call (52 header bytes each) fits 250 calls. */
export const MAX_PRED = 256;

/** `ect_ext`, serialised, and its nesting: figures of the ECT reference code. */
export const MAX_ECT_EXT_BYTES = 4096;
export const MAX_ECT_EXT_DEPTH = 5;

/** `Signature-Input`, `Signature`, `Content-Digest`, each: parsing 80 KiB takes 20 ms, 8 KiB takes 2. */
export const MAX_SIGNATURE_FIELD_BYTES = 8 * 1024;

/**
 * Fields that one signature covers with `sf`, `key` or `bs`, together: they are read before anybody is proven. Two of the
 * largest size above, which take 4 ms; digests and another's signature have 2 KiB.
 */
export const MAX_REREAD_FIELD_BYTES = 2 * MAX_SIGNATURE_FIELD_BYTES;

/** Signatures in one message: the caller's own and those of a few intermediaries. */
export const MAX_SIGNATURE_LABELS = 8;

/** Covered components: the dozen a profile demands, and the `Mcp-Param-*` of a tool with many parameters. */
export const MAX_SIGNATURE_COMPONENTS = 64;

/** Parameters of one signature: RFC 9421 has six, WIMSE adds three. */
export const MAX_SIGNATURE_PARAMETERS = 16;

/** A tool call attestation envelope, decoded. The published ones have 720 bytes. */
export const MAX_ATTESTATION_BYTES = 64 * 1024;

/** Calls planned in one attestation. */
export const MAX_ATTESTATION_CALLS = 64;

/** Arguments that an attestation names by reference: those of the call have to fit into its body. */
export const MAX_REFERENCE_BYTES = MAX_BODY_BYTES;

/** A tool name: the MCP specification recommends 128 at most. */
export const MAX_TOOL_NAME_LENGTH = 128;

/** An origin's session id. Common ones are UUIDs, some are tokens. */
export const MAX_SESSION_ID_LENGTH = 1024;

/** As much of a session's id, and of a request's, is remembered: clients count, or take UUIDs, and origins' ids are bounded above. */
export const MAX_REMEMBERED_ID_LENGTH = MAX_SESSION_ID_LENGTH;

/** Name of a key in `SESSION_KEYS`: it stands in every session id. */
export const MAX_SESSION_KEY_ID_LENGTH = 16;

/** The longest id above, with every character escaped, its issue time, a flag and JSON's own (17) and GCM's IV and tag (28) in base64url, behind a key id and a dot. */
export const MAX_SEALED_SESSION_LENGTH =
  MAX_SESSION_KEY_ID_LENGTH + 1 + Math.ceil(((2 * MAX_SESSION_ID_LENGTH + 17 + 28) * 4) / 3);

// -- what is read from an answer -----------------------------------------------------------------------

/** An answer to `tools/list`, or one event of a stream, held to filter it: 4 KiB for each of 1,000 tools. */
export const MAX_LIST_BYTES = 4 * 1024 * 1024;

/** The response to an attested call, held to say how it ended: what a request may have. A larger one is passed on like any other. */
export const MAX_RESULT_BYTES = MAX_BODY_BYTES;

/** Room that a buffer may have beyond what it holds, as when it is emptied: most events and bodies fit. */
export const KEPT_BUFFER_BYTES = 4096;

// -- what a tenant document holds ---------------------------------------------------------------------

/** One tenant document. It is parsed and its keys are imported in one go: some 1,000 agents fit. */
export const MAX_TENANT_BYTES = 1024 * 1024;

/** Issuers, agents, attestation keys of one tenant. */
export const MAX_TENANT_ENTRIES = 1_000;

/** Keys of one agent or issuer, and so the lanes an agent can use: a fleet needs few, a rotation two. */
export const MAX_TENANT_KEYS = 64;

/** Statuses of records that a tenant takes: how a task can end has few names. */
export const MAX_RECORD_STATUSES = 16;

/** Members of `params._meta` that are looked at for an attestation, in every call: one is usual. */
export const MAX_META_KEYS = 8;

/** Credentials for one origin: a token, and the two headers of an access service before it. */
export const MAX_ORIGIN_CREDENTIALS = 8;

/** Any other list in a tenant document. */
export const MAX_TENANT_LIST = 256;

// -- keys ---------------------------------------------------------------------------------------------

/** Keys that the deployment publishes: one signs, and each rotation adds one. */
export const MAX_SIGNING_KEYS = 64;

/** RSA modulus: 2048 is the least of RFC 7518 section 3.3; at 8192 one verification takes 0.7 ms. */
export const MIN_RSA_BITS = 2048;
export const MAX_RSA_BITS = 8192;

/** RSA exponent: 65537 has 3. A long one makes verification as slow as signing. */
export const MAX_RSA_EXPONENT_BYTES = 4;

/** An HS256 secret: the size of the hash, RFC 7518 section 3.2. */
export const MIN_SECRET_BYTES = 32;

/** Characters of an HS256 secret in a tenant document: beyond its block of 64 bytes, HMAC only hashes it. */
export const MAX_SECRET_LENGTH = 1024;

/** Characters of a Multikey: prefix and P-256 point, 35 bytes, are 49 at most, and decoding is quadratic. */
export const MAX_MULTIKEY_LENGTH = 64;

/** A JWK set, DID document or client metadata document, decoded: 64 RSA keys of 8192 bits are 100 KiB. */
export const MAX_KEY_DOCUMENT_BYTES = 128 * 1024;

/** Keys in one such document: an issuer in the midst of a rotation has a handful. */
export const MAX_REMOTE_KEYS = 64;

/** Entries of a key's `key_ops`: RFC 7517 section 4.3 has names for eight. */
export const MAX_KEY_OPERATIONS = 8;

/** Key documents that one isolate of 128 MiB remembers, and what each takes beside its text. */
export const MAX_CACHED_KEY_BYTES = 8 * 1024 * 1024;
export const CACHED_KEYS_ENTRY_BYTES = 1024;

/** Trust anchors of one issuer: authorities are few, and a rollover doubles them. */
export const MAX_ANCHORS = 8;

/** Certificates in an `x5c`, the leaf included: leaf, two intermediates, and a root that some send along. */
export const MAX_CHAIN_LENGTH = 4;

/** One certificate, DER. A usual one has 1 to 2 KiB; all of a chain has to fit into a token's header. */
export const MAX_CERTIFICATE_BYTES = 8 * 1024;

/** Chains of one source that an isolate remembers to be good, each a few hundred bytes: only certificates below its anchors count. */
export const MAX_REMEMBERED_CHAINS = 1_000;

// -- what a ledger keeps ------------------------------------------------------------------------------

/** A table of one-time values covers this span of signed issue time, then it is dropped whole. */
export const CLAIM_WINDOW = 600;

/** From the signed issue time of a nonce to its last acceptable second: the longest of all such kinds. */
export const CLAIM_HORIZON =
  Math.max(MAX_ECT_AGE, MAX_SIGNATURE_WINDOW, MAX_ATTESTATION_TTL) + 2 * CLOCK_SKEW;

/** A table of ECT nodes covers this span of signed issue time; six tables are live at the longest mandate. */
export const NODE_WINDOW = 6 * 3600;

/** An ECT is a parent until its mandate ends, so a node outlives its own token. */
export const NODE_HORIZON = MAX_MANDATE_LIFETIME + MAX_ECT_AGE + 3 * CLOCK_SKEW;

/** Tables that one statement looks into: so many terms are the most that a `UNION ALL` of the platform may have. */
export const TABLES_AT_ONCE = 5;

/** ECTs in one run. The ACT reference code walks at most 10,000 ancestors; we do not walk, so more is safe. */
export const MAX_RUN_SIZE = 100_000;

/** Unknown parents tolerated beside the mandate in the `poc` profile, whose client names refused steps too. */
export const MAX_UNKNOWN_PARENTS = 16;

/** Runs of one agent that live at once under one issuer: a mandate per call, 27 calls a second for an hour. */
export const MAX_LIVE_RUNS = 100_000;

/** Mandates, and as many steps, that a ledger has at hand without asking its storage: the latest, enough for as many runs at work. Some 100 KB. */
export const MAX_RECENT = 256;

/** Counts of calls (`max_calls`) of one agent that live at once under one issuer: one for each of its live runs. */
export const MAX_LIVE_COUNTS = 100_000;

/** Ledgers of other agents that one call asks for parents: a chain of eight agents with two lanes each. */
export const MAX_LEDGERS_ASKED = 16;

/** Journal records per table: as many as go to D1 at once. A drained table is dropped whole, which costs no writes. */
export const JOURNAL_WINDOW = 400;

/** Journal records waiting for D1. Beyond it calls are refused: a decision that nobody can keep is not made. */
export const MAX_JOURNAL_BACKLOG = 100_000;

/**
 * Records sent to D1 in one batch: 400 of 1 KiB stay far below the 2 MB that one bound value may have, and halving
 * a batch down to single rows takes 799 of the 1,000 queries that one invocation may make.
 */
export const DRAIN_BATCH = 400;

/** All of them together: a caller can make records of 50 KiB, and what is set aside is quoted once more. */
export const MAX_BATCH_BYTES = 512 * 1024;

/**
 * How long an answer to a stranger's call, which is only observed, may stay open, from its head on: as long as one to a caller with the
 * longest mandate there is. Nothing signed says when it must end.
 */
export const MAX_OBSERVED_STREAM_MS = MAX_MANDATE_LIFETIME * 1000;

/** Calls without an outcome, of some 200 bytes of memory each. Beyond it no more are admitted. */
export const MAX_OPEN_CALLS = 100_000;

/** Heads that a ledger remembers having told since one came back as known: so many answers in a row are hardly lost. */
export const MAX_TOLD_HEADS = 16;

/** Finished runs and expired tables are looked for this often at most: the search reads every run. */
export const PURGE_INTERVAL_MS = 60_000;

/** From a journal write to the alarm that drains it, on average. */
export const DRAIN_DELAY_MS = 1_000;

/** The share of that by which it differs, each way: ledgers that began together do not all come to D1 at once. */
export const DRAIN_SPREAD = 0.5;

/** An alarm that is this late was given up by the platform; one that is in time is late by seconds at the most. */
export const LOST_ALARM_MS = 60_000;

/** The longest drain: an alarm is given 15 minutes, and some of what is left goes with each. */
export const MAX_DRAIN_MS = 5 * 60_000;

/** Pause after a drain that D1 refused; doubled up to the maximum. */
export const DRAIN_RETRY_MS = 2_000;
export const MAX_DRAIN_RETRY_MS = 60_000;

/** From one attempt to set a record aside, which D1 refuses altogether, to the next: it is two queries for each. */
export const SHELF_RETRY_MS = 60_000;

/** Calls that are closed as unknown in one transaction: others wait some 20 ms for it. The rest follows with the next alarm. */
export const MAX_CLOSED_AT_ONCE = 400;

/** An outcome waits this long for an admission to share its commit with. */
export const OUTCOME_DELAY_MS = 1_000;

/** After a call must have ended, its outcome has this long to arrive before it is written down as unknown. */
export const OUTCOME_SLACK_MS = 60_000;

/** Denials of a verified principal that use up a step, written in full per window; more become one summary record. */
export const DENIAL_WINDOW_MS = 10_000;
export const MAX_DENIALS_PER_WINDOW = 1_000;

/**
 * Beside these, denials that use nothing up, replays above all: anybody who has captured one request can cause them,
 * in the name of the agent that signed it.
 */
export const MAX_REPEATABLE_DENIALS_PER_WINDOW = 100;

/**
 * Denials of unverified callers that one isolate writes per tenant and window; the rest are only counted. All isolates together
 * write no more repeatable denials than the one ledger for strangers takes, twice of this.
 */
export const UNVERIFIED_WINDOW_MS = 10_000;
export const MAX_UNVERIFIED_PER_WINDOW = MAX_REPEATABLE_DENIALS_PER_WINDOW / 2;

// -- revocations ---------------------------------------------------------------------------------------

/** A ledger asks what was revoked this often: the directory tells it at once, unless it has lost the ledger's name. */
export const REVOCATIONS_FRESH_MS = 60_000;

/**
 * With the directory out of reach a ledger goes on this long by what it knows, as with a tenant document; then 503. So a revocation holds
 * everywhere after this time, whoever was told of it.
 */
export const REVOCATIONS_STALE_MS = 10 * 60_000;

/** The clocks of ledger and directory may differ by this: together with the time above, when a revocation holds although not all answer. */
export const REVOCATIONS_HOLD_MS = REVOCATIONS_STALE_MS + 60_000;

/** Pause of a ledger after the directory did not answer it, and of a directory before it tells those again that did not. */
export const REVOCATIONS_RETRY_MS = 5_000;

/** A ledger that does not follow is told ever more rarely: it asks by itself once a minute, if anybody calls it. */
export const MAX_REVOCATIONS_RETRY_MS = 5 * 60_000;

/** Ledgers that one invocation tells: it makes four requests for each at the worst, and may be held to 1,000. */
export const LEDGERS_TOLD_IN_ONE_GO = 200;

/**
 * Revocations of one tenant that are in force: every ledger has all of them in memory, at the usual length half a megabyte, and can be told
 * them at once, at the greatest length 24 of the 32 MiB that an RPC may have.
 */
export const MAX_REVOCATIONS = 4_000;

/** The id of a run in one: issuer and `wid`, two identifiers of the greatest length, in base64url. */
export const MAX_RUN_ID_LENGTH = 6 * 1024;

/** How long a revocation that was lifted is still shown, and told to ledgers one by one. */
export const LIFTED_SHOWN_MS = 24 * 3_600_000;

/** Of those the last ones: a quarter of what may be in force, and so no more to tell at once. */
export const MAX_LIFTED_SHOWN = 1_000;

/** A revocation as it is sent: two identifiers of the greatest length, escaped, and a reason. */
export const MAX_REVOCATION_BYTES = 16 * 1024;

/** Characters of the reason that an administrator gives for one. */
export const MAX_REVOCATION_REASON = 256;

/** How long whoever revokes waits for the ledgers: longer than one that does not answer in time. */
export const REVOKE_WAIT_MS = 7_000;

/** The directory's whole answer to whoever revokes: it may have to find out first whether it has lost what it knew. */
export const REVOKE_DEADLINE_MS = 20_000;

// -- the audit log -------------------------------------------------------------------------------------

/** Seconds between two checkpoints of a tenant, where its document does not say: what lies in between shows only with the next one. */
export const CHECKPOINT_INTERVAL = 300;
/** A checkpoint asks every ledger of the tenant. */
export const MIN_CHECKPOINT_INTERVAL = 10;
export const MAX_CHECKPOINT_INTERVAL = 24 * 3600;

/** Chains of one tenant: their heads, of 180 bytes each, and a checkpoint that names them all are one row of D1, which takes 2 MB. */
export const MAX_CHAINS = 7_000;

/**
 * Beyond this many no holder of access tokens gets a first one: an authorization server that registers clients by itself hands out any number
 * of subjects, and agents and their lanes, which the tenant document lists, must have room all the same.
 */
export const MAX_CHAINS_FOR_HOLDERS = 6_000;

/** One checkpoint: with every chain of a tenant named as unreachable it has 520 KiB. */
export const MAX_CHECKPOINT_BYTES = 768 * 1024;

/** Digests of a proof that are read from D1 at once, 45 bytes each. */
export const PROOF_PAGE = 5_000;

/**
 * Digests of one proof: at 5 to 10 µs each, two proofs stay below the 30 s of CPU and the 1,000 queries of one invocation. An agent with
 * 500 calls a second writes a third of this between two checkpoints at the usual interval.
 */
export const MAX_PROOF_DIGESTS = 1_000_000;

/** From the first ledger of a tenant to its first checkpoint, which then has the first record. */
export const FIRST_CHECKPOINT_MS = 2_000;

/** A tenant whose chains stand still has a checkpoint this often: else nobody could tell that from a directory that is gone. */
export const MAX_CHECKPOINT_AGE_MS = 24 * 3_600_000;

/** Pause after a checkpoint that could not be made or handed to D1; doubled up to the maximum. */
export const CHECKPOINT_RETRY_MS = 5_000;
export const MAX_CHECKPOINT_RETRY_MS = 5 * 60_000;

/** Ledgers that a directory asks at once: all chains of a tenant, none of which answers in time, are asked within 15 minutes. */
export const LEDGERS_ASKED_AT_ONCE = 64;

/** Checkpoints that wait for D1, three days' of them at the usual interval. Beyond it no more are made. */
export const MAX_CHECKPOINT_BACKLOG = 1_000;

/** Checkpoints handed to D1 one after the other in one go, of the 1,000 queries that one invocation may make. */
export const CHECKPOINT_BATCH = 100;

/** Checkpoints in one answer to whoever reads what is published: a working day's at the usual interval. */
export const PUBLISHED_CHECKPOINTS = 100;

/** Characters of them: one has 1 KiB, where every chain of a large tenant is named as unreachable half a megabyte. */
export const PUBLISHED_LENGTH = 4 * 1024 * 1024;

/** How long, in seconds, others may keep keys and checkpoints that are published. */
export const PUBLISHED_MAX_AGE = 30;

/** What is too old to be kept is looked for this often: a record outlives its retention by an hour and two checkpoints. */
export const RETENTION_INTERVAL_MS = 3_600_000;

/** Rows deleted by one statement, which keeps D1 from other work for some 50 ms, and statements in one go. */
export const RETENTION_DELETE_ROWS = 1_000;
export const RETENTION_DELETES = 100;

/** The most a tenant document can ask for: ten years. */
export const MAX_RETENTION_DAYS = 3_660;

/** Fields of one tool that a tenant keeps, and the characters of one and of its pointer: identifiers and amounts, no documents. */
export const MAX_KEPT_FIELDS = 16;
export const MAX_KEPT_LENGTH = 256;

/**
 * Records of the audit log, newest first, that a report of what was observed counts: D1 looks each of them up, some 100,000 in a second.
 * And the lines that it has, of some 200 bytes.
 */
export const MAX_OBSERVED_ROWS = 100_000;
export const MAX_OBSERVED_COUNTS = 1_000;

/** Rows of one page of an export: each has 1 to 2 KiB, at the worst 100 KiB, and one page is held. */
export const EXPORT_PAGE_ROWS = 500;

/** Characters of an export that are sent at once: some dozens of lines. */
export const EXPORT_CHUNK_LENGTH = 64 * 1024;

/** The same for checkpoints, counted in the heads that they hold, of some 200 bytes. */
export const EXPORT_PAGE_HEADS = 20_000;

/** Queries to D1 of one request for an export; an invocation may make 1,000. Whoever asks goes on behind the last line. */
export const MAX_EXPORT_QUERIES = 900;

/** One answer of an export takes no longer: who goes on shows again that it may, as with any other open answer. */
export const EXPORT_ANSWER_MS = STREAM_RECHECK * 1000;

/** The last time that a `Date` has (ECMAScript 2024, section 21.4.1.1). */
export const MAX_TIME_MS = 8_640_000_000_000_000;

/** The clocks of two Durable Objects differ by less; an export of a time range reaches so much further on both sides. */
export const EXPORT_CLOCK_SLACK_MS = 60_000;

/** Chains of unknown records that an export names in its first line. */
export const MAX_UNKNOWN_NAMED = 16;

/** A line of an export: the heads of a checkpoint, which are one value of D1 and so have 2 MB at the most, or a few records. */
export const MAX_EXPORT_LINE_BYTES = 4 * 1024 * 1024;

/** Decisions of a run that are read from the audit log at once: each has 1 KiB, at the worst 40 KiB. */
export const RUN_PAGE = 500;

/**
 * Decisions and records of a run that is judged, and the parents that they name: a step takes 280 bytes of memory, of which a Worker has
 * 128 MB, and a parent that is not there 140, with a long name 250. An invocation may make 1,000 queries to D1; these are 200 pages.
 */
export const MAX_SHOWN_RUN = 100_000;
export const MAX_SHOWN_PARENTS = 300_000;

/** Faults that the answer about a run names; there can be as many as the run has edges. */
export const MAX_RUN_FAULTS = 1_000;

// -- how long we wait ---------------------------------------------------------------------------------

/** A tenant document is used from the isolate's memory this long before KV is asked again. */
export const TENANT_FRESH_MS = 15_000;

/** KV's own cache at a location, in seconds: the least that Workers KV takes. */
export const TENANT_KV_TTL = 30;

/** With KV unreachable the last known document serves this long; then 503. */
export const TENANT_STALE_MS = 10 * 60_000;

/** Tenant documents, host names and compiled documents that one isolate of 128 MiB remembers, by their text. */
export const MAX_CACHED_TENANT_BYTES = 8 * 1024 * 1024;

/**
 * A body is read in pieces of this size. Of themselves the streams of the platform give 4 KiB: 1 MiB took four times as long in those. What is
 * wrong with a body shows with the piece that it is in.
 */
export const READ_PIECE_BYTES = 64 * 1024;

/** What the streams of the platform give of themselves. */
export const CHUNK_BYTES = 4 * 1024;

/** A short answer comes in one piece. */
export const MAX_SHORT_ANSWER_BYTES = CHUNK_BYTES;

/** How long the head of a short answer is held back for its body, which mostly comes with it; what comes later is streamed. Nobody notices so much beside the call. */
export const SHORT_ANSWER_WAIT_MS = 20;

/** Verified tokens that one isolate remembers, by their text: some thousand mandates. With their claims they take a few times as much. */
export const MAX_REMEMBERED_TOKEN_BYTES = 2 * 1024 * 1024;

/** KV's answer, which is local in the usual case. Beyond it the last known document serves, or 503. */
export const KV_DEADLINE_MS = 3_000;

/** After KV has failed, it is left alone this long while a last known document can serve. */
export const KV_COOL_DOWN_MS = 5_000;

/** Key documents are used this long before they are fetched again: so long lives a key that its owner took back. */
export const KEYS_FRESH_MS = 5 * 60_000;

/** With their server unreachable, known keys serve this long from when they were fetched; then 503. */
export const KEYS_STALE_MS = 60 * 60_000;

/** An unknown kid may be a new key, so the document is fetched once more; anybody can invent kids, so not again so soon. */
export const KEYS_COOL_DOWN_MS = 30_000;

/** After a fetch that failed, before the next: what a refused caller is told to wait. */
export const KEYS_RETRY_MS = 5_000;

/** One key document, from the first packet to the last byte. A call fetches two at the most of one source, and may wait for others'. */
export const KEYS_DEADLINE_MS = 3_000;

/** How often a call looks whether another one, which fetches the same document, has it: cheap beside a fetch of 50 ms. */
export const KEYS_POLL_MS = 20;

/** The ledger's answer. Beyond it: 503, nothing forwarded. */
export const LEDGER_DEADLINE_MS = 5_000;

/** One batch on its way to D1. It takes tens of milliseconds; what comes late is not doubled when it is sent again. */
export const D1_DEADLINE_MS = 10_000;

/** A ledger that writes all it has into D1: a batch that takes as long as it may, and those behind it. */
export const SETTLE_DEADLINE_MS = 3 * D1_DEADLINE_MS;

/** All of the arguments that an attestation names by reference: the call waits for them. */
export const REFERENCE_DEADLINE_MS = 3_000;

/** The checkpoint that an export begins with: every ledger of the tenant writes what it has into D1 before. */
export const SNAPSHOT_DEADLINE_MS = 60_000;

/** What is said of the audit log: some hundreds of ledgers that do not answer do not keep the others from being shown. */
export const STATUS_DEADLINE_MS = 30_000;

/** The origin's response headers, and a list of tools to filter, where the tenant document does not say. */
export const ORIGIN_DEADLINE_MS = 60_000;

/** The most a tenant document can ask for: longer tools should stream or answer with a task. */
export const MAX_ORIGIN_DEADLINE_MS = 600_000;

/** How long, in seconds, a browser may keep the answer to a preflight: what Chromium keeps at the most. */
export const PREFLIGHT_MAX_AGE = 7200;

/** How long, in seconds, others may keep a tenant's protected resource metadata: as long as a change takes to spread. */
export const METADATA_MAX_AGE = 60;

/** What `Retry-After` says when we cannot tell. */
export const RETRY_AFTER = 5;

/** Life of an assertion for an origin: it is read at once, and the origin remembers it that long. */
export const ASSERTION_LIFETIME = 60;

/** How far the `iat` of a DPoP proof may be from our time: what the MCP proposal for it (SEP-1932) demands. */
export const DPOP_WINDOW = 300;

/** How long one server nonce of DPoP is given out; it is good for as long again, so that who was just told it can use it. */
export const DPOP_NONCE_WINDOW = 300;

// -- policy -------------------------------------------------------------------------------------------

/** Rules of one tenant document, the characters of one, and the nodes and nesting of its syntax tree: a rule is some lines long. */
export const MAX_RULES = 64;
export const MAX_RULE_LENGTH = 1_024;
export const MAX_RULE_NODES = 256;
export const MAX_RULE_DEPTH = 24;

/** Steps that the rules for one call may take together at the most, estimated before any is taken: some 20 ms. */
export const MAX_RULE_STEPS = 200_000;

/** Lists directly in lists, in arguments that a rule reads: what reads rules remembers each such type that it has seen. */
export const MAX_RULE_LIST_DEPTH = 8;

/** Subschemas of one JSON Schema of a tool, each counted as often as a `$ref` leads to it, and their nesting. */
export const MAX_SCHEMA_NODES = 1_024;
export const MAX_SCHEMA_DEPTH = 24;

/** Keywords of a schema that are held against the values of one call at the most, estimated before: some 20 ms. */
export const MAX_SCHEMA_STEPS = 100_000;

/** The same as `MAX_PATTERN_WORK` for the constraints of all grants of a tenant document: one caller may have them all. */
export const MAX_GRANT_PATTERN_WORK = 16_384;

/** Limits of one tenant document: each that applies to a call is a row of the ledger. */
export const MAX_LIMIT_RULES = 16;

/** What a limit may allow in its window, calls or units of cost, and the cost of one call: the sum stays a safe integer. */
export const MAX_LIMIT = 1_000_000_000;
export const MAX_COST = 1_000_000;

/** Longest window of a limit: a month. */
export const MAX_LIMIT_WINDOW = 31 * 24 * 3600;

/** The directory's answer to a ledger that asks for a lease. Other calls of the agent wait meanwhile, and have to be ruled on in time. */
export const LEASE_DEADLINE_MS = 2_000;

/** A lease that is used up within so many seconds is followed by one of twice its size: a busy ledger asks rarely, an idle one holds little. */
export const LEASE_SPAN = 10;

/** No lease is more than this part of what is left for each ledger that asks: what they hold and do not use is lost for the others. */
export const LEASE_SHARE = 1 / 4;

/** How long a person has to decide about a call, where the tenant document does not say, and the most it can say. */
export const DEFAULT_APPROVAL_LIFETIME = 900;
export const MAX_APPROVAL_LIFETIME = 24 * 3600;

/** Calls of one principal that wait for a person: more than anybody reads while they wait. */
export const MAX_PENDING_APPROVALS = 16;

/** What a person is shown of a call, in canonical JSON: a thousand lines, which somebody can read. */
export const MAX_APPROVAL_VIEW_BYTES = 64 * 1024;

/** Roles of approvers in one tenant document: the names of all that somebody has go into a sealed cookie, and those have 4 KiB. */
export const MAX_APPROVAL_ROLES = 16;

/** How long an approver stays signed in: a role that is taken away at the identity provider lasts no longer. */
export const APPROVER_SESSION = 900;

/** From the way to the identity provider to the way back: time to find a password. */
export const SIGN_IN_LIFETIME = 600;

/** An answer of an identity provider: metadata and tokens have a few KiB. And all the time that it takes. */
export const MAX_SIGN_IN_BYTES = 128 * 1024;
export const SIGN_IN_DEADLINE_MS = 5_000;

/** Metadata of identity providers that an isolate remembers, by their text. */
export const MAX_CACHED_PROVIDER_BYTES = 1024 * 1024;

/** `iss` and `sub` of an ID token (OpenID Connect Core 1.0 section 2 has this for the latter), and a value of another claim. */
export const MAX_APPROVER_LENGTH = 255;

/** The form in which an approver sends a decision: two short fields. */
export const MAX_APPROVAL_FORM_BYTES = 4096;

/** An answer that is held to be redacted: twice what a body may have. */
export const MAX_REDACTED_BYTES = 2 * MAX_BODY_BYTES;

/** The least that may be left of a text that is cut off: what marks that something is missing has to be told from the rest. */
export const MIN_TRUNCATED_TEXT = 16;

/** Rules of a tenant document about scopes of access tokens. */
export const MAX_SCOPE_RULES = 256;

/** Longest life of an access token, from `iat` to `exp`, where the tenant document does not say, and the most it can say. */
export const DEFAULT_ACCESS_TOKEN_LIFETIME = 3600;
export const MAX_ACCESS_TOKEN_LIFETIME = 24 * 3600;
