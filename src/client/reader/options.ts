import type { Bytes } from "../../protocol/bytes.ts";
import type { CallOptions } from "../transport/call_options.ts";
import type { Message } from "./message.ts";
import type { ReadMode } from "./read_mode.ts";

/** How a `Reader` reads; what goes with every request of it. */
export interface ReaderOptions extends CallOptions {
  /**
   * Where it begins: `-1`, the start, unless given; `now` for what comes from now on; an offset that a
   * server, a writer, a message or another reader gave.
   */
  offset?: string | undefined;
  /** How it follows the stream; the client's `readMode`, which is `auto` unless given. */
  readMode?: ReadMode | undefined;
  /** Aborting it ends the reader and whatever waits for it, with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** How long it asks again in vain before it throws; 60 s. `Infinity`: for ever. */
  maxElapsedMs?: number | undefined;
}

/** What one answer brought. */
export interface StreamData {
  /** The messages; none where a live request only found that nothing new has come. */
  messages: Message[];
  /** What they came in: the JSON array, or the bytes. */
  data: Bytes;
  /** Where the next read goes on. */
  nextOffset: string;
  /** The server's cursor, echoed by the next live request (PROTOCOL §10.1). */
  cursor: string | undefined;
  /** This is all there is for now. */
  upToDate: boolean;
  /** This is all there will ever be (PROTOCOL §4.1). */
  closed: boolean;
}
