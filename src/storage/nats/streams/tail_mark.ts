import type { Bytes } from "../../../protocol/bytes.ts";
import { TailBuffer } from "../../tail_buffer.ts";

/**
 * Where a stream's buffer would end: the bytes themselves are in the cluster, and the newest ones in the
 * cache of messages, which is bounded for all streams together.
 */
export class TailMark extends TailBuffer {
  #end: number;
  #lastAtMs: number;
  #messages: number;

  /** @param messages how many of the stream's own there are up to there */
  constructor(end: number, lastAtMs: number, messages = 0) {
    super(end, lastAtMs);
    this.#messages = messages;
    this.#end = end;
    this.#lastAtMs = lastAtMs;
  }

  override get start(): number {
    return this.#end;
  }

  override get end(): number {
    return this.#end;
  }

  override get lastAtMs(): number {
    return this.#lastAtMs;
  }

  override get messages(): number {
    return this.#messages;
  }

  /** So many there are by now. */
  override set messages(messages: number) {
    this.#messages = messages;
  }

  override append(bytes: Bytes, _ends: readonly number[], atMs: number): void {
    this.advance(bytes.length);
    this.passTime(atMs);
  }

  /** So many bytes came, which aren't at hand. */
  advance(lengthBytes: number): void {
    this.#end += lengthBytes;
  }

  /** Something happened without bytes. */
  passTime(atMs: number): void {
    this.#lastAtMs = Math.max(this.#lastAtMs, atMs);
  }
}
