/** Values of header fields that are not taken as they stand (RFC 9421 sections 2.1.1 to 2.1.3). */

import {
  type Dictionary,
  isInnerList,
  serializeByteSequence,
  serializeDictionary,
  serializeInnerList,
  serializeItem,
  serializeList,
} from "structured-headers";
import { utf8 } from "../../encoding.ts";
import { MAX_REREAD_FIELD_BYTES } from "../../limits.ts";
import { strictDictionary, strictItem, strictList } from "./dictionary.ts";

/** Each null where the field is absent, cannot be read so, or is beyond `MAX_REREAD_FIELD_BYTES` with those read before it. */
export interface FieldReader {
  /** `sf`: the whole field, serialised anew. */
  readonly serialised: (field: string) => string | null;
  /** `key`: one member of a Dictionary. */
  readonly member: (field: string, key: string) => string | null;
  /** `bs`: each line as a Byte Sequence. */
  readonly bytes: (field: string) => string | null;
}

/** Structured fields of known type, so that `sf` can serialise them; of any other field two readers may differ. */
const FIELD_TYPES: Readonly<Record<string, "dictionary" | "list" | "item">> = {
  "accept-ch": "list", // RFC 8942
  "accept-signature": "dictionary", // RFC 9421
  "cache-status": "list", // RFC 9211
  "cdn-cache-control": "dictionary", // RFC 9213
  "client-cert": "item", // RFC 9440
  "client-cert-chain": "list", // RFC 9440
  "content-digest": "dictionary", // RFC 9530
  priority: "dictionary", // RFC 9218
  "proxy-status": "list", // RFC 9209
  "repr-digest": "dictionary", // RFC 9530
  signature: "dictionary", // RFC 9421
  "signature-agent": "dictionary", // draft-meunier-webbotauth-httpsig-protocol
  "signature-input": "dictionary", // RFC 9421
  "want-content-digest": "dictionary", // RFC 9530
  "want-repr-digest": "dictionary", // RFC 9530
};

/** Reads the fields of one message, each Dictionary once, however many of its members are asked for. */
export function fieldReader(headers: ReadonlyMap<string, string>): FieldReader {
  const counted = new Set<string>();
  let octets = 0;
  const within = (field: string): string | null => {
    const value = headers.get(field);
    if (value === undefined) return null;
    if (!counted.has(field)) octets += value.length;
    counted.add(field);
    return octets > MAX_REREAD_FIELD_BYTES ? null : value;
  };
  const parsed = new Map<string, Dictionary | null>();
  const dictionary = (field: string): Dictionary | null => {
    const known = parsed.get(field);
    if (known !== undefined) return known;
    const value = within(field);
    const read = value === null ? null : strictDictionary(value);
    parsed.set(field, read);
    return read;
  };
  return {
    serialised: (field) => {
      const type = Object.hasOwn(FIELD_TYPES, field) ? FIELD_TYPES[field] : undefined;
      if (type === undefined) return null;
      if (type === "dictionary") return whenRead(dictionary(field), serializeDictionary);
      const value = within(field);
      if (value === null) return null;
      return type === "list"
        ? whenRead(strictList(value), serializeList)
        : whenRead(strictItem(value), (item) => serializeItem(item));
    },
    member: (field, key) => {
      const member = dictionary(field)?.get(key);
      if (member === undefined) return null;
      return isInnerList(member) ? serializeInnerList(member) : serializeItem(member);
    },
    bytes: (field) => {
      const value = within(field);
      // Fetch joins lines with ", ". Where there is none the field had one line, and its octets were ASCII or are lost.
      const isOneLine = value !== null && !value.includes(", ") && /^[\t\x20-\x7e]*$/.test(value);
      return isOneLine ? serializeByteSequence(utf8(value).buffer) : null;
    },
  };
}

const whenRead = <T>(read: T | null, serialise: (read: T) => string): string | null =>
  read === null ? null : serialise(read);
