import { concatBytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { cutParts } from "./cut_parts.ts";
import type { Draft } from "./draft.ts";
import {
  appendsOverheadBytes,
  type MessageHead,
  partOverheadBytes,
  type StreamMessage,
} from "../format/message.ts";
import type { RetentionState } from "../format/snapshot.ts";
import type { NatsStream } from "./nats_stream.ts";

/** The server takes so many messages together. */
const MOST_PARTS = 1000;
const U32_LIMIT = 2 ** 32;

/** What something other than appends does to a stream. */
export type EventKind =
  | {
    readonly kind: "fork_added" | "fork_removed";
    readonly forkId: number;
    readonly forkName: string;
  }
  | { readonly kind: "touched" }
  | { readonly kind: "retention" } & Omit<RetentionState, "purgedUpTo">
  | { readonly kind: "fork_trimmed"; readonly forkId: number; readonly from: number }
  | { readonly kind: "gone"; readonly isSoftlyDeleted: boolean };

/** Makes the messages of this front end, each of which has a number of its own. */
export class MessageWriter {
  readonly frontEnd: number;
  #count = 0;

  /** @param frontEnd a number below 2^48 that no other front end has or had */
  constructor(frontEnd: number) {
    this.frontEnd = frontEnd;
  }

  /** The message of an event. */
  event(stream: NatsStream, event: EventKind, nowMs: number): StreamMessage {
    const isSoftlyDeleted = event.kind === "gone"
      ? event.isSoftlyDeleted
      : stream.lifecycle === "soft_deleted";
    const head = { ...this.#head(stream, nowMs, stream.closed), isSoftlyDeleted };
    switch (event.kind) {
      case "touched":
        return { ...head, kind: "touched" };
      case "gone":
        return { ...head, kind: "gone" };
      case "retention":
      case "fork_trimmed":
        return { ...head, ...event, hasRetention: true };
      default:
        return { ...head, kind: event.kind, forkId: event.forkId, forkName: event.forkName };
    }
  }

  /**
   * The messages of what was decided on a draft, or of a stream's first content: one, or the parts of the
   * only append.
   *
   * @param limitBytes of a message
   * @throws {StreamError} `body_too_large`
   */
  appends(
    stream: NatsStream,
    { appends, data, closed }: Pick<Draft, "appends" | "data" | "closed">,
    nowMs: number,
    limitBytes: number,
  ): StreamMessage[] {
    const head = this.#head(stream, nowMs, closed);
    const accessedAtMs = appends.length > 0
      ? Math.max(stream.accessedAtMs, head.atMs)
      : head.accessedAtMs;
    const all = { ...head, accessedAtMs };
    const bytes = concatBytes(data);
    const [only] = appends;
    if (
      only === undefined || appends.length > 1 ||
      appendsOverheadBytes(appends) + bytes.length <= limitBytes
    ) {
      return [{ ...all, kind: "appends", appends, data: bytes }];
    }
    if (only.lengthBytes >= U32_LIMIT) throw tooLarge(only.lengthBytes, U32_LIMIT - 1);
    const partBytes = limitBytes - partOverheadBytes(only);
    const parts = cutParts(bytes, partBytes, stream.json);
    if (parts.length > MOST_PARTS) throw tooLarge(bytes.length, MOST_PARTS * partBytes);
    let start = all.start;
    return parts.map((part, index) => {
      const message = {
        ...all,
        kind: "part" as const,
        index,
        partCount: parts.length,
        appendStart: all.start,
        append: only,
        data: part,
        start,
      };
      start += part.length;
      return message;
    });
  }

  #head(stream: NatsStream, nowMs: number, isClosed: boolean): MessageHead {
    return {
      frontEnd: this.frontEnd,
      count: ++this.#count,
      previousSequence: stream.sequence,
      start: stream.tail,
      // Clocks of front ends differ, and a clock may be set back: within a stream time never runs
      // backwards, so that a read since a time can look for it by bisecting.
      atMs: Math.max(nowMs, stream.lastAtMs),
      accessedAtMs: stream.accessedAtMs,
      isClosed,
      isSoftlyDeleted: stream.lifecycle === "soft_deleted",
      ...(stream.hasRetention ? { hasRetention: true } : {}),
    };
  }
}

function tooLarge(lengthBytes: number, limitBytes: number): StreamError {
  return new StreamError(
    { code: "body_too_large" },
    `The body has ${lengthBytes} bytes, more than the ${limitBytes} that the cluster takes at once.`,
  );
}
