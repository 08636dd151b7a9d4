/**
 * What the simulation takes as given. [D]: Cloudflare's documentation. [M]: measured with workerd on one machine, which says nothing about
 * the network. [A]: assumed, because nobody publishes it. What the code itself decides is not here: it is read from `src/limits.ts`.
 */

/** One admission at a ledger, ms. One object does 200 to 500 operations a second that write [D rules-of-durable-objects]. */
export const ADMISSION_MS = { slow: 5, fast: 2 };

/** A request to an object that writes nothing, ms: outcomes, and calls that come too late. 1,000 a second [D rules-of-durable-objects]. */
export const PASS_MS = 1;

/** Requests that may wait for one object before it is "overloaded"; that there is such a limit is [D], how many is [A]. */
export const OBJECT_QUEUE = 1_000;

/** CPU of the Worker for one call, ms: two signatures verified, and what is around them [A]. */
export const CPU_MS = 2;

/** Memory that an object is billed with, GB [D durable-objects/platform/pricing]. */
export const OBJECT_GB = 0.125;

/** From admission to outcome, ms, in the mean of an exponential distribution: an origin that is quick [A]. */
export const ORIGIN_MS = 50;

/** One query to D1, ms: short ones come to 1,000 a second, since a database does one after the other [D d1/platform/limits]. */
export const D1_QUERY_MS = 1;

/** Each record of a batch, ms: 400 records take 63 ms in the local D1 on disk, with a table of 24,000 rows and its indexes [M]. */
export const D1_RECORD_MS = 0.15;

/** Batches that may wait for D1 before it is "overloaded": that there is such a limit is [D], how many is [A]. */
export const D1_QUEUE = 1_000;

/** What a database holds [D d1/platform/limits]. */
export const D1_BYTES = 10e9;

/** One record in D1 with its entries in the indexes, bytes: 3,043 full profile, 3,130 attested, over 7,855 and 720 records [M]. */
export const D1_RECORD_BYTES = 3_050;

/** A decision and an outcome. */
export const RECORDS_PER_CALL = 2;

/** Isolates of the Worker at work at once, each with a memory of its own [A]. */
export const ISOLATES = 50;

/** Tenants and agents by their share of all calls: the n-th has 1/n of what the first has [A]. */
export const ZIPF_EXPONENT = 1;

export const SEED = 7;
