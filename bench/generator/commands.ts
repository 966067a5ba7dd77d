import type { Target } from "./requests.ts";

/** Creates streams and waits for all of them. */
export interface CreateCommand {
  readonly op: "create";
  readonly target: Target;
  readonly paths: readonly string[];
  readonly contentType: string;
}

/** Fills one stream up to a size. */
export interface FillCommand {
  readonly op: "fill";
  readonly target: Target;
  readonly path: string;
  readonly contentType: string;
  readonly bytes: number;
}

interface Timed {
  readonly target: Target;
  readonly serverPid: number | undefined;
  readonly connections: number;
  readonly warmSeconds: number;
  readonly seconds: number;
  readonly paths: readonly string[];
}

/** Appends to the streams in turn, closed loop. */
export interface AppendCommand extends Timed {
  readonly op: "append";
  readonly contentType: string;
  readonly bodyBytes: number;
}

/** Reads the streams from the start to the end, over and over. */
export interface CatchUpCommand extends Timed {
  readonly op: "catch-up";
  /** What one whole pass over a stream has to yield at least. */
  readonly streamBytes: number;
}

/** What the bench asks of the generator: one line of JSON each. */
export type Command = CreateCommand | FillCommand | AppendCommand | CatchUpCommand;

/** What a timed command measured. */
export interface Measurement {
  /** Answers (append) or MiB (catch-up) within the window. */
  readonly units: number;
  readonly seconds: number;
  /** Undefined where no answer was complete within the window. */
  readonly p50Millis?: number | undefined;
  readonly p99Millis?: number | undefined;
  readonly serverCpuMicros: number | undefined;
  readonly generatorBusy: number;
  readonly errors: number;
  /** What the first error was. */
  readonly firstError: string | undefined;
}

/** The generator's answer: one line of JSON for each command. */
export type Reply =
  | { readonly ok: true; readonly measurement?: Measurement }
  | { readonly ok: false; readonly error: string };
