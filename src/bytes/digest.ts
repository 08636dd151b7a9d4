import { sha256, toBase64url } from "../encoding.ts";

/** SHA-256 of bytes that come in pieces. Of one piece it is made without a stream, which takes several turns of the event loop. */
export class Digest {
  #first: Uint8Array<ArrayBuffer> | null = null;
  #rest: { readonly stream: DigestStream; readonly writer: WritableStreamDefaultWriter } | null = null;

  async push(piece: Uint8Array): Promise<void> {
    if (this.#first === null) {
      this.#first = piece as Uint8Array<ArrayBuffer>;
      return;
    }
    if (this.#rest === null) {
      const stream = new crypto.DigestStream("SHA-256");
      this.#rest = { stream, writer: stream.getWriter() };
      await this.#rest.writer.write(this.#first);
    }
    await this.#rest.writer.write(piece);
  }

  /** base64url, once nothing more comes. */
  async end(): Promise<string> {
    if (this.#rest === null) return toBase64url(await sha256(this.#first ?? new Uint8Array()));
    await this.#rest.writer.close();
    return toBase64url(new Uint8Array(await this.#rest.stream.digest));
  }

  /** There will be no digest. */
  async abandon(): Promise<void> {
    if (this.#rest === null) return;
    const { stream, writer } = this.#rest;
    // Each of these three rejects, and nobody needs to know.
    await Promise.allSettled([writer.abort(), writer.closed, stream.digest]);
  }
}
