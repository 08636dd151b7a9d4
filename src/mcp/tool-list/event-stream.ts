import { MAX_LIST_BYTES } from "../../limits.ts";
import { editEvents } from "../edit-events.ts";
import type { Unreadable } from "../event-filter.ts";
import { filterEvent } from "./event.ts";
import type { IsAllowed } from "./filter.ts";

/**
 * Filters the tool lists in an event stream.
 *
 * @param unreadable what becomes of an event that is too large to be held, or may hold a list that we cannot read
 */
export const filterEvents = (
  body: ReadableStream<Uint8Array>,
  isAllowed: IsAllowed,
  unreadable: Unreadable,
): ReadableStream<Uint8Array> =>
  editEvents(body, (event) => filterEvent(event, isAllowed), {
    unreadable,
    maxEventBytes: MAX_LIST_BYTES,
    reason: "origin.list_unreadable",
  });
