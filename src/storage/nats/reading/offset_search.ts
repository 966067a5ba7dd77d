import { quote, StreamError } from "../../../protocol/errors.ts";
import { type CachedMessage, toCached } from "../streams/cached_message.ts";
import type { JetStream } from "../jetstream.ts";
import type { MessageTally } from "../format/message.ts";
import { endsIn, type MessageCache } from "../streams/message_cache.ts";
import type { NatsStream } from "../streams/nats_stream.ts";
import { readMessage } from "../cluster/stored_messages.ts";
import { damaged } from "../streams/stream_loader.ts";
import type { Subjects } from "../cluster/subjects.ts";
import { toStreamError } from "../cluster/unreachable.ts";

/** Where so few sequences are left, all messages among them are read at once. */
const LINEAR_SEQUENCES = 8;
const LEAST_BATCH_BYTES = 64 * 1024;
const MOST_BATCH_BYTES = 1024 * 1024;
const BATCH_MESSAGES = 512;

/** Whom messages are asked from, one after the other, as long as they don't fit. */
const ATTEMPTS = [{ byLeader: false }, { byLeader: false }, { byLeader: true }] as const;

/**
 * Which messages end in one that was read.
 *
 * @throws {StreamError} `ordinals_unsupported`
 */
export function countsOf({ name }: NatsStream, { counts }: CachedMessage): MessageTally {
  if (counts === undefined) throw uncounted(name);
  return counts;
}

/**
 * Checks that a stream's messages are counted.
 *
 * @throws {StreamError} `ordinals_unsupported`
 */
export function checkCounted({ name, isCounted }: NatsStream): void {
  if (!isCounted) throw uncounted(name);
}

function uncounted(name: string): StreamError {
  return new StreamError(
    { code: "ordinals_unsupported" },
    `The messages of ${quote(name)} aren't counted: a program began it that didn't. Read from an ` +
      "offset, a time or so many bytes before the tail, or copy it.",
  );
}

/** Finds and reads a stream's messages by the offsets of what they hold. */
export class OffsetSearch {
  readonly #jetStream: JetStream;
  readonly #subjects: Subjects;
  readonly #cache: MessageCache;

  constructor(jetStream: JetStream, subjects: Subjects, cache: MessageCache) {
    this.#jetStream = jetStream;
    this.#subjects = subjects;
    this.#cache = cache;
  }

  /**
   * Messages that follow one another, about as many bytes of them as are asked for; the first one holds an
   * offset of the stream's own bytes.
   *
   * @throws {StreamError} `damaged`, `storage_unreachable`
   */
  async read(stream: NatsStream, offset: number, wantedBytes: number): Promise<CachedMessage[]> {
    for (const { byLeader } of ATTEMPTS) {
      const found = await this.#read(stream, offset, wantedBytes, byLeader);
      if (found === undefined) continue;
      for (const message of found) this.#cache.add(stream, message);
      return found;
    }
    throw damaged(stream.name, `no message holds the offset ${offset}, which is before its tail`);
  }

  /**
   * The first message whose newest append came at a time or later; `undefined` where none did.
   *
   * @throws {StreamError} `damaged`, `storage_unreachable`
   */
  async since(stream: NatsStream, sinceMs: number): Promise<CachedMessage | undefined> {
    let low = stream.firstSequence - 1;
    let high = stream.sequence + 1;
    let first: CachedMessage | undefined;
    // The sequences up to `low` belong to earlier messages, those from `high` on to later ones.
    while (low + 1 < high) {
      const middle = low + Math.ceil((high - low) / 2);
      const message = await this.#firstFrom(stream, middle);
      if (message === undefined || message.sequence >= high) {
        high = middle;
      } else if (message.atMs < sinceMs) {
        low = message.sequence;
      } else {
        high = middle;
        first = message;
      }
    }
    return first;
  }

  /**
   * The message in which one of the stream's own messages ends, by its number: numbers grow as sequences do.
   *
   * @throws {StreamError} `ordinals_unsupported` where they weren't counted, `damaged`, `storage_unreachable`
   */
  async ofMessage(stream: NatsStream, number: number): Promise<CachedMessage> {
    const cached = this.#cache.ofMessage(stream, number);
    if (cached !== undefined) return cached;
    for (const { byLeader } of ATTEMPTS) {
      const found = await this.#ofMessage(stream, number, byLeader);
      if (found === undefined) continue;
      this.#cache.add(stream, found);
      return found;
    }
    throw damaged(stream.name, `no message has its message number ${number}`);
  }

  async #ofMessage(
    stream: NatsStream,
    number: number,
    byLeader: boolean,
  ): Promise<CachedMessage | undefined> {
    let low = { sequence: stream.firstSequence - 1, before: 0 };
    let high = { sequence: stream.sequence + 1, before: stream.mark.messages };
    for (let step = 0; low.sequence + 1 < high.sequence; step++) {
      const part = step % 2 === 0
        ? (number - low.before) / Math.max(1, high.before - low.before)
        : 0.5;
      const { guess, limit } = nextGuess(low.sequence, high.sequence, part);
      const found = await this.#messages(stream, guess, limit, LEAST_BATCH_BYTES, byLeader);
      const holder = found.find((message) => endsIn(message, number));
      if (holder !== undefined) return holder;
      const last = found.findLast((message) =>
        message.sequence < high.sequence && countsOf(stream, message).before <= number
      );
      const [first] = found;
      if (last !== undefined) {
        low = { sequence: last.sequence, before: countsOf(stream, last).before };
      } else {
        high = {
          sequence: guess,
          before: first === undefined ? high.before : countsOf(stream, first).before,
        };
      }
    }
    return undefined;
  }

  /**
   * The first message from a sequence on that the leader has. One that can't be read isn't passed over: when
   * those behind it came, and that they aren't too old, wouldn't be found.
   *
   * @throws {StreamError} `damaged`, `storage_unreachable`
   */
  async #firstFrom(stream: NatsStream, fromSequence: number): Promise<CachedMessage | undefined> {
    try {
      const [stored] = await this.#jetStream.messages({
        log: this.#subjects.dataLog(stream.shard),
        subject: this.#subjects.data(stream.shard, stream.id),
        fromSequence,
        limit: 1,
        limitBytes: LEAST_BATCH_BYTES,
        byLeader: true,
      });
      if (stored === undefined) return undefined;
      const { message, sequence, fault } = readMessage(stored);
      if (message === undefined) throw damaged(stream.name, fault);
      return toCached(message, sequence);
    } catch (error) {
      throw toStreamError(error);
    }
  }

  /** Messages from a sequence on, as they come; those up to a malformed one. */
  async #messages(
    stream: NatsStream,
    fromSequence: number,
    limit: number,
    limitBytes: number,
    byLeader: boolean,
  ): Promise<CachedMessage[]> {
    const found: CachedMessage[] = [];
    try {
      const stored = await this.#jetStream.messages({
        log: this.#subjects.dataLog(stream.shard),
        subject: this.#subjects.data(stream.shard, stream.id),
        fromSequence,
        limit,
        limitBytes,
        byLeader,
      });
      for (const one of stored) {
        const { message, sequence } = readMessage(one);
        if (message === undefined) break;
        found.push(toCached(message, sequence));
      }
    } catch (error) {
      throw toStreamError(error);
    }
    return found;
  }

  async #read(
    stream: NatsStream,
    offset: number,
    wantedBytes: number,
    byLeader: boolean,
  ): Promise<CachedMessage[] | undefined> {
    const { before, after } = this.#cache.around(stream, offset);
    // Somebody else has read it meanwhile.
    if (before !== undefined && offset < before.end) return [before];
    const limitBytes = Math.min(MOST_BATCH_BYTES, Math.max(LEAST_BATCH_BYTES, wantedBytes));
    if (before?.end === offset) {
      const next = await this.#after(stream, before, limitBytes, byLeader);
      // Otherwise what follows in between, and holds nothing, may have been removed.
      if (next.length > 0) return next;
    }
    const first = await this.#find(stream, offset, before, after, byLeader);
    if (first === undefined || wantedBytes <= first.end - offset) return first && [first];
    return [first, ...await this.#after(stream, first, limitBytes, byLeader)];
  }

  /** The messages with bytes that follow one, none where those that come don't fit. */
  async #after(
    stream: NatsStream,
    message: CachedMessage,
    limitBytes: number,
    byLeader: boolean,
  ): Promise<CachedMessage[]> {
    for (let before = message; before.sequence < stream.sequence;) {
      const next = before.sequence + 1;
      const found = await this.#messages(stream, next, BATCH_MESSAGES, limitBytes, byLeader);
      const chain = chained(before, found);
      const withBytes = chain.filter(({ data }) => data.length > 0);
      const last = chain.at(-1);
      if (withBytes.length > 0 || last === undefined) return withBytes;
      // There may be many in a row that only say something about the stream.
      before = last;
    }
    return [];
  }

  /**
   * The message that holds an offset, by halving the sequences between one that is before it and one that
   * is after it; every other time in proportion to the bytes, which is quicker where they are spread evenly.
   */
  async #find(
    stream: NatsStream,
    offset: number,
    before: CachedMessage | undefined,
    after: CachedMessage | undefined,
    byLeader: boolean,
  ): Promise<CachedMessage | undefined> {
    let low = { sequence: stream.firstSequence - 1, start: stream.ownStart };
    let high = { sequence: stream.sequence + 1, start: stream.tail };
    if (before !== undefined) low = before;
    if (after !== undefined) high = after;
    for (let step = 0; low.sequence + 1 < high.sequence; step++) {
      const part = step % 2 === 0
        ? (offset - low.start) / Math.max(1, high.start - low.start)
        : 0.5;
      const { guess, limit } = nextGuess(low.sequence, high.sequence, part);
      const found = await this.#messages(stream, guess, limit, LEAST_BATCH_BYTES, byLeader);
      const holder = found.find(({ start, end }) => start <= offset && offset < end);
      if (holder !== undefined) return holder;
      const last = found.findLast(({ sequence, start }) =>
        sequence < high.sequence && start <= offset
      );
      if (last !== undefined) low = last;
      else high = { sequence: guess, start: found[0]?.start ?? high.start };
    }
    return undefined;
  }
}

/** Which messages to ask for next between two sequences, when what is sought lies about at this part of them. */
function nextGuess(low: number, high: number, part: number): { guess: number; limit: number } {
  const span = high - low;
  return span <= LINEAR_SEQUENCES
    ? { guess: low + 1, limit: LINEAR_SEQUENCES }
    : { guess: low + Math.min(span - 1, Math.max(1, Math.floor(span * part))), limit: 1 };
}

/** Those up to the first that doesn't follow the one before it. */
function chained(first: CachedMessage, found: readonly CachedMessage[]): CachedMessage[] {
  const chain: CachedMessage[] = [];
  let before = first;
  for (const message of found) {
    const isFurtherPart = message.appendStart < message.start;
    const follows = isFurtherPart
      ? before.isPart && before.appendStart === message.appendStart
      : message.previousSequence === before.sequence;
    if (!follows || message.start !== before.end) break;
    chain.push(message);
    before = message;
  }
  return chain;
}
