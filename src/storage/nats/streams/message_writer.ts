import { concatBytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { messageEnds } from "../../../protocol/json.ts";
import { cutParts } from "./cut_parts.ts";
import type { Draft } from "./draft.ts";
import type { KeptState } from "../format/kept_snapshot.ts";
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
  /** `isUse`: the stream was used by it. */
  | { readonly kind: "snapshot"; readonly kept: KeptState; readonly isUse: boolean }
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
      case "snapshot": {
        const accessedAtMs = event.isUse
          ? Math.max(head.accessedAtMs, head.atMs)
          : head.accessedAtMs;
        return { ...head, kind: "snapshot", kept: event.kept, accessedAtMs };
      }
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
    { appends, data, messages, closed }: Pick<Draft, "appends" | "data" | "messages" | "closed">,
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
      return [{ ...all, ...countsOf(stream, 0, messages), kind: "appends", appends, data: bytes }];
    }
    if (only.lengthBytes >= U32_LIMIT) throw tooLarge(only.lengthBytes, U32_LIMIT - 1);
    const partBytes = limitBytes - partOverheadBytes(only);
    const parts = cutParts(bytes, partBytes, stream.json);
    if (parts.length > MOST_PARTS) throw tooLarge(bytes.length, MOST_PARTS * partBytes);
    let start = all.start;
    let before = 0;
    return parts.map((part, index) => {
      // A byte stream's message ends where the append does.
      const isLast = index + 1 === parts.length;
      const count = stream.json ? messageEnds(part).length : isLast ? 1 : 0;
      const message = {
        ...all,
        ...countsOf(stream, before, count),
        kind: "part" as const,
        index,
        partCount: parts.length,
        appendStart: all.start,
        append: only,
        data: part,
        start,
      };
      start += part.length;
      before += count;
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
      ...countsOf(stream, 0, 0),
    };
  }
}

/** How many messages there are, behind so many that aren't in the stream yet. */
function countsOf(
  { isCounted, mark }: NatsStream,
  behind: number,
  count: number,
): Pick<MessageHead, "counts"> {
  return isCounted ? { counts: { before: mark.messages + behind, count } } : {};
}

function tooLarge(lengthBytes: number, limitBytes: number): StreamError {
  return new StreamError(
    { code: "body_too_large" },
    `The body has ${lengthBytes} bytes, more than the ${limitBytes} that the cluster takes at once.`,
  );
}
