import type { Result } from "../result.ts";
import type { KeyAlgorithm, VerificationKey } from "./key.ts";

/** Where keys come from that are not in the tenant document itself. The document names it; nothing in it comes from a message. */
export type KeySource = never;

/** What a message says of the key that it is signed with. */
export interface WantedKey {
  readonly kid: string;
  /** What a key may be for; other keys of the source are not looked at. */
  readonly algorithms: readonly KeyAlgorithm[];
  /** The `x5c` of the JOSE header (RFC 7515 section 4.1.6); null where there is none. */
  readonly x5c: readonly string[] | null;
}

/** `unknown`: the owner has no such key. `unavailable`: we cannot tell. `untrusted`: a chain that leads to no anchor. */
export type KeyFault = "unknown" | "unavailable" | "untrusted";

/** Finds a key in a source. */
export type KeyFinder = (source: KeySource, wanted: WantedKey) => Promise<Result<VerificationKey, KeyFault>>;

/** All the keys of one owner: those in the tenant document by `kid`, then the sources in their order. */
export interface KeyRing {
  readonly own: ReadonlyMap<string, VerificationKey>;
  readonly sources: readonly KeySource[];
}
