import { invalidArgument } from "../errors/invalid_argument.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import type { CallOptions } from "../transport/call_options.ts";
import type { Missed } from "./missed.ts";
import type { Message } from "./message.ts";
import type { ReadMode } from "./read_mode.ts";

/** How a `Reader` reads, and the additions to its requests. */
export interface ReaderOptions extends CallOptions {
  /**
   * Where it begins: `-1`, the start, unless given; `now`, the tail; an offset that a server, a writer, a
   * message or another reader gave.
   */
  offset?: string | undefined;
  /**
   * It begins so many messages before the tail (or at the start), in place of `offset`: an extension. In a
   * stream that isn't JSON a message is what one append brought, and up to 4 KiB of earlier ones may come
   * before. A server that can't fails with `unsupported`.
   */
  last?: number | undefined;
  /**
   * It begins so many bytes before the tail (or at the start), in JSON at the beginning of the message there:
   * 1 is the newest message. In place of `offset`, an extension that needs no count of messages. A server
   * that can't fails with `unsupported`.
   */
  lastBytes?: number | undefined;
  /**
   * What it does where the place that it wants to read was trimmed: it fails (`trimmed`), unless given, or
   * skips to what is still kept, and says what it missed (`missed` of the next message).
   */
  trimmed?: "fail" | "skip" | undefined;
  /**
   * Its messages say which ones of the stream they are (`ordinal`): an extension. A server that can't count
   * fails with `unsupported`.
   */
  ordinals?: boolean | undefined;
  /**
   * It begins at the newest snapshot, which `Reader.snapshot` has, in place of `offset`: an extension. At the
   * start where there is none; a server that keeps none fails with `unsupported`.
   */
  from?: "snapshot" | undefined;
  /** How it follows the stream; the client's `readMode`, which is `auto` unless given. */
  readMode?: ReadMode | undefined;
  /** Aborting it ends the reader and its pending calls, with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** How long it retries without success before it throws; 60 s. `Infinity`: for ever. */
  maxElapsedMs?: number | undefined;
}

/** The content of one response. */
export interface StreamData {
  /** The messages; none if a live request ended without new data. */
  messages: Message[];
  /** The data that contains them: the JSON array, or the bytes. */
  data: Bytes;
  /** Where the next read continues. */
  nextOffset: string;
  /** The server's cursor, echoed by the next live request (PROTOCOL §10.1). */
  cursor: string | undefined;
  /** There is nothing more for now. */
  upToDate: boolean;
  /** There will never be more (PROTOCOL §4.1). */
  closed: boolean;
  /** How many messages come before `nextOffset`, if the reader asks for `ordinals`. */
  nextOrdinal?: number | undefined;
  /** What was trimmed right before this, if the reader skips that. */
  missed?: Missed | undefined;
  /** Up to where messages are missing that newer ones of the same key stand for, if this begins before that. */
  compactedUpTo?: string | undefined;
}

/** How far before the tail a reader begins, as a query says it; `undefined` where it begins at a place. */
export type TailQuery = { readonly last: string } | { readonly tail: string } | undefined;

/** @throws {ClientError} `invalid_argument` */
export function tailQueryOf({ offset, last, lastBytes }: ReaderOptions): TailQuery {
  if (last !== undefined && lastBytes !== undefined) {
    throw invalidArgument("lastBytes", lastBytes, "no last beside it");
  }
  for (const [name, value] of Object.entries({ last, lastBytes })) {
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 0) throw invalidArgument(name, value, "a count");
    if (offset !== undefined) throw invalidArgument(name, value, "no offset beside it");
  }
  if (last !== undefined) return { last: String(last) };
  return lastBytes === undefined ? undefined : { tail: String(lastBytes) };
}

/** @throws {ClientError} `invalid_argument` */
export function checkTrimmed(trimmed: unknown): void {
  if (trimmed === undefined || trimmed === "fail" || trimmed === "skip") return;
  throw invalidArgument("trimmed", trimmed, "fail or skip");
}
