import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { OwnResponse } from "./fault.ts";
import type { ExchangeRecord } from "./exchange_log.ts";
import type { ProxyResponse } from "./upstream.ts";
import { encodeHead, type Field, passedOn } from "./wire.ts";

const NO_BODY: readonly number[] = [204, 304];

/** Sends one answer to the client. Once the client has left, sending does nothing. */
export class ResponseWriter {
  readonly #socket: Socket;
  readonly #disconnected: AbortSignal;
  readonly #record: ExchangeRecord;
  readonly #isHead: boolean;
  #isChunked = false;

  /** @param gone aborted when nobody waits for the answer any more */
  constructor(socket: Socket, gone: AbortSignal, record: ExchangeRecord) {
    this.#socket = socket;
    this.#disconnected = gone;
    this.#record = record;
    this.#isHead = record.request.method === "HEAD";
  }

  /** Sends an answer whole, as far as its body comes. */
  async relay(answer: ProxyResponse): Promise<void> {
    await this.begin(answer);
    for await (const piece of answer.body) await this.piece(piece);
    await this.end();
  }

  /** Sends an answer of the proxy's own. */
  async own({ status, headers = {}, body = "" }: OwnResponse): Promise<void> {
    const bytes = Buffer.from(body);
    const fields = Object.entries(headers).map(([name, value]): Field => [name, value]);
    await this.#head(status, "", fields, bytes.length);
    if (!this.#isHead && bytes.length > 0) await this.piece(bytes);
    await this.end();
  }

  /** Sends the head, with the length where the server told it. */
  async begin({ status, reason, fields, framing }: ProxyResponse): Promise<void> {
    const length = typeof framing === "number" ? framing : undefined;
    await this.#head(status, reason, fields, length);
  }

  /** Sends a piece of the body, which isn't empty: an empty chunk would be the last one. */
  async piece(bytes: Uint8Array): Promise<void> {
    if (this.#disconnected.aborted) return;
    const size = Buffer.from(`${bytes.length.toString(16)}\r\n`);
    await this.#write(
      this.#isChunked ? Buffer.concat([size, bytes, Buffer.from("\r\n")]) : bytes,
    );
    this.#record.sent(bytes.length);
  }

  /** Ends the body. */
  async end(): Promise<void> {
    if (this.#isChunked) await this.#write(Buffer.from("0\r\n\r\n"));
    this.#record.change({ outcome: this.#disconnected.aborted ? "left" : "answered" });
  }

  /** Resets the connection; what was sent before still arrives as long as the client reads it. */
  reset(): void {
    this.#record.change({ outcome: this.#disconnected.aborted ? "left" : "reset" });
    this.#socket.resetAndDestroy();
  }

  async #head(
    status: number,
    reason: string,
    fields: readonly Field[],
    lengthBytes: number | undefined,
  ): Promise<void> {
    const isBodiless = this.#isHead || NO_BODY.includes(status);
    this.#isChunked = !isBodiless && lengthBytes === undefined;
    const passed = isBodiless ? passedOn(fields) : passedOn(fields, "content-length");
    if (this.#isChunked) passed.push(["transfer-encoding", "chunked"]);
    else if (!isBodiless) passed.push(["content-length", String(lengthBytes)]);
    const startLine = `HTTP/1.1 ${status} ${reason || (STATUS_CODES[status] ?? "")}`;
    if (this.#disconnected.aborted) return;
    await this.#write(encodeHead({ startLine, fields: passed }));
    this.#record.change({ sentStatus: status });
  }

  /** Resolves when the system has taken the bytes: a client that doesn't read slows the server down. */
  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#disconnected.aborted) return;
    const taken = Promise.withResolvers<void>();
    const done = () => taken.resolve();
    this.#disconnected.addEventListener("abort", done, { once: true });
    this.#socket.write(bytes, done);
    await taken.promise;
    this.#disconnected.removeEventListener("abort", done);
  }
}
