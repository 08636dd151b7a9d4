/** Body streams that behave as bodies do when something goes wrong. */

/** A stream of these chunks. */
export const streamOf = (...chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

/** Chunks, then an error. */
export const brokenAfter = (...chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> => {
  const pending = [...chunks];
  return new ReadableStream({
    pull(controller) {
      const chunk = pending.shift();
      if (chunk === undefined) controller.error(new Error("broken off"));
      else controller.enqueue(chunk);
    },
  });
};

/** A stream whose chunks the test hands over one at a time. */
export function handFed(): {
  readonly body: ReadableStream<Uint8Array>;
  readonly push: (chunk: Uint8Array) => void;
  readonly close: () => void;
  readonly error: (reason: Error) => void;
  /** Why the reader cancelled; pending until it does. */
  readonly cancelled: Promise<unknown>;
} {
  let source: ReadableStreamDefaultController<Uint8Array> | undefined;
  const { promise: cancelled, resolve } = Promise.withResolvers<unknown>();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      source = controller;
    },
    cancel: resolve,
  });
  return {
    body,
    push: (chunk) => source?.enqueue(chunk),
    close: () => source?.close(),
    error: (reason) => source?.error(reason),
    cancelled,
  };
}
