import type { Clock } from "../../env/clock.ts";
import { StreamError } from "../../protocol/errors.ts";
import { formatOffset } from "../../protocol/offset.ts";
import type { OffsetSpaces } from "../offset_spaces.ts";
import type { Ack } from "../records.ts";
import type { Stream } from "../stream.ts";
import type { Streams } from "../streams.ts";
import type { WakeStream } from "../subscription.ts";
import type { SubscriptionRegistry } from "./registry.ts";
import type { SubscriptionEntry } from "./subscription_entry.ts";

/** A wake tells of so many streams; those left over are in the next. */
export const WAKE_STREAMS_LIMIT = 1000;

/** What {@link PendingStreams} looks at. */
export interface PendingStreamsParts {
  clock: Clock;
  registry: SubscriptionRegistry;
  streams: Streams;
  spaces: OffsetSpaces;
}

/** What of a subscription's streams isn't processed yet. */
export class PendingStreams {
  readonly #parts: PendingStreamsParts;

  constructor(parts: PendingStreamsParts) {
    this.#parts = parts;
  }

  /** Whether anything is pending. */
  has(entry: SubscriptionEntry): boolean {
    return !this.#of(entry).next().done;
  }

  /** Up to `limit` of the streams with something pending, as they are now. */
  snapshot(entry: SubscriptionEntry, limit = WAKE_STREAMS_LIMIT): WakeStream[] {
    const { spaces } = this.#parts;
    return this.#of(entry).take(limit).map(({ stream, acked }) => {
      const space = spaces.of(stream);
      const { id, name, tail } = stream;
      return {
        streamId: id,
        path: name,
        isExplicit: entry.links.has(name),
        acked,
        tail,
        ackedOffset: ackedToken(space, acked),
        tailOffset: formatOffset(space, tail),
      };
    }).toArray();
  }

  /** All of a wake's streams as processed, up to where they were then. */
  acksOf(streams: readonly WakeStream[]): Ack[] {
    return streams.flatMap(({ streamId, tail }) => {
      const stream = this.#streamOf(streamId);
      return stream === undefined ? [] : { streamId, position: tail, isTail: stream.tail === tail };
    });
  }

  *#of(entry: SubscriptionEntry): Generator<{ stream: Stream; acked: number }> {
    const nowMs = this.#parts.clock.nowMs();
    for (const [streamId, acked] of entry.cursors) {
      const stream = this.#streamOf(streamId);
      if (stream === undefined || !stream.isThere(nowMs) || acked >= stream.tail) continue;
      if (this.#wakes(entry, stream.name)) yield { stream, acked };
    }
  }

  /** A stream that can't be read holds up no other: nothing of it is pending until it is repaired. */
  #streamOf(id: number): Stream | undefined {
    try {
      return this.#parts.streams.summary(id);
    } catch (error) {
      if (error instanceof StreamError && error.code === "damaged") return undefined;
      throw error;
    }
  }

  /** Two subscriptions of all streams would wake each other for ever by their wake streams. */
  #wakes({ links }: SubscriptionEntry, name: string): boolean {
    return links.has(name) || !this.#parts.registry.isWakeStream(name);
  }
}

/** An acked offset on the wire: `-1` where nothing of a stream was processed. */
export function ackedToken(space: Parameters<typeof formatOffset>[0], acked: number): string {
  return acked === 0 ? "-1" : formatOffset(space, acked);
}
