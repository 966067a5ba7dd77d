import type { Bytes } from "../../../protocol/bytes.ts";
import type { ProducerState } from "../../../protocol/errors.ts";
import { type OffsetSpace, spaceAt } from "../../../protocol/offset.ts";
import { applyAppend } from "../../apply.ts";
import { checkProducerRoom, decideAppend } from "../../decide.ts";
import type { AppendRecord } from "../../records.ts";
import type { Appended, AppendRequest } from "../../storage.ts";
import { Stream } from "../../stream.ts";
import type { StoredAppend } from "../format/message.ts";
import type { NatsStream } from "./nats_stream.ts";
import { TailMark } from "./tail_mark.ts";

/** What an append comes to if the draft it was decided on becomes the stream. */
export type Verdict =
  | { readonly kind: "appended"; readonly appended: Appended }
  | { readonly kind: "refused"; readonly error: unknown };

/**
 * A stream as it will be if what was decided on it is stored: another front end's message may come first,
 * and then it is thrown away. It holds only what differs from the stream.
 */
export class Draft {
  readonly appends: StoredAppend[] = [];
  readonly data: Bytes[] = [];
  /** Of what was decided, the bytes. */
  dataBytes = 0;
  /** And how many messages they are, as readers see them. */
  messages = 0;
  /** Whether a batch was found to be there already: that is a use, too. */
  hasDuplicate = false;
  readonly #base: NatsStream;
  readonly #stream: Stream;
  readonly #space: OffsetSpace;
  readonly #nowMs: number;
  readonly #maxProducers: number;

  /** @param nowMs not before the newest time of the stream */
  constructor(base: NatsStream, space: OffsetSpace, nowMs: number, maxProducers: number) {
    this.#base = base;
    this.#space = space;
    this.#nowMs = nowMs;
    this.#maxProducers = maxProducers;
    const stream = new Stream(base, new TailMark(base.tail, base.lastAtMs), base.accessedAtMs);
    stream.closed = base.closed;
    stream.closedBy = base.closedBy;
    stream.seq = base.seq;
    stream.producerCount = base.producerCount;
    stream.damage = base.damage;
    this.#stream = stream;
  }

  /** Whether the stream is closed with it. */
  get closed(): boolean {
    return this.#stream.closed;
  }

  /**
   * Decides an append on what was decided before it.
   *
   * @param roomBytes what it would add may have so many bytes; otherwise nothing is decided, except in an
   * empty draft
   * @returns `undefined` where there isn't room
   */
  decide(request: AppendRequest, roomBytes: number): Verdict | undefined {
    const stream = this.#stream;
    const { producer } = request;
    try {
      const known = producer && this.#producer(producer.id);
      const decided = decideAppend(stream, known, request, this.#nowMs, this.#space);
      if (producer !== undefined && known === undefined) {
        checkProducerRoom(stream, this.#maxProducers);
      }
      if (decided === "duplicate") {
        this.hasDuplicate = true;
        return this.#appended(true, known);
      }
      if (this.appends.length > 0 && decided.data.length > roomBytes) return undefined;
      this.#add(decided);
      return this.#appended(false, producer);
    } catch (error) {
      return { kind: "refused", error };
    }
  }

  #producer(id: string): ProducerState | undefined {
    const { producers } = this.#stream;
    const known = producers.get(id) ?? this.#base.producers.get(id);
    // There already, so that it isn't counted once more.
    if (known !== undefined) producers.set(id, known);
    return known;
  }

  #add(record: AppendRecord): void {
    const { data, ends, producer, seq, close } = record;
    this.appends.push({ lengthBytes: data.length, producer, seq, close });
    if (data.length > 0) this.data.push(data);
    this.dataBytes += data.length;
    this.messages += ends?.length ?? 0;
    applyAppend(this.#stream, record);
  }

  #appended(duplicate: boolean, producer: ProducerState | undefined): Verdict {
    const { tail, closed } = this.#stream;
    const space = spaceAt(this.#space, tail);
    return { kind: "appended", appended: { space, tail, closed, duplicate, producer } };
  }
}
