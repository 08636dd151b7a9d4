import { BrokenStream } from "../bytes/broken-stream.ts";
import { discard } from "../bytes/discard.ts";
import type { Reason } from "../reasons.ts";
import { type EventEdit, EventFilter, type Unreadable } from "./event-filter.ts";

/**
 * Edits the events of a stream, which goes on as it comes: each event once its last byte is there. It is read only as
 * fast as the client reads. The origin is told when the stream breaks, and when the client goes away.
 *
 * @param options.unreadable what becomes of an event that is too large to be held, or that cannot be edited
 * @param options.reason what the stream breaks for
 */
export function editEvents(
  body: ReadableStream<Uint8Array>,
  edit: EventEdit,
  options: { readonly unreadable: Unreadable; readonly maxEventBytes: number; readonly reason: Reason },
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const filter = new EventFilter(edit, options.unreadable, options.maxEventBytes);
  let over = false;
  /** Lets go of the origin. */
  const release = (reason: unknown): Promise<void> => {
    over = true;
    return discard(reader, reason);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          // Until there is something for the client: a pull that brings nothing would be the last.
          for (;;) {
            const { done, value } = await reader.read();
            if (over) return;
            const { bytes, fault } = done ? filter.end() : filter.push(value);
            if (bytes.length > 0) controller.enqueue(bytes);
            if (fault !== null) {
              controller.error(new BrokenStream(options.reason));
              return await release(fault);
            }
            if (done) return controller.close();
            if (bytes.length > 0) return;
          }
        } catch (error) {
          // An origin that breaks off breaks the client's stream too, as it would without us between.
          if (!over) controller.error(error);
        }
      },
      cancel: release,
    },
    { highWaterMark: 0 },
  );
}
