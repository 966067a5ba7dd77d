import type { Measurement } from "../generator/commands.ts";

/** What a process that makes its load itself is asked for. */
export type InProcessLoad = AppendLoad | ListLoad;

/** Appends in closed loops, to all streams at once. */
export interface AppendLoad {
  readonly kind: "append";
  readonly streams: number;
  /** How many appends go as one message. */
  readonly group: number;
  readonly appendBytes: number;
  readonly warmSeconds: number;
  readonly seconds: number;
}

/** Makes streams, then lists them page by page as one who knows nothing of them yet. */
export interface ListLoad {
  readonly kind: "list";
  readonly streams: number;
  readonly bodyBytes: number;
}

/** A load's answer. */
export type InProcessReply =
  | { readonly ok: true; readonly measurement: Measurement }
  | { readonly ok: false; readonly error: string };

/** Who appends: any number of calls at once, each of which resolves when its appends are stored. */
export interface Appender {
  /** How many appends one call makes. */
  readonly appendsPerCall: number;
  /** How many calls there are to be at once. */
  readonly calls: number;
  /** @param index which of the calls that are made at once it is */
  append(index: number): Promise<unknown>;
  /** Messages that it has stored so far, where it knows. */
  messages?(): number;
  close(): Promise<void>;
}

/** What an appender is made with. */
export interface AppenderParts {
  readonly urls: readonly string[];
  readonly load: AppendLoad;
}
