import { ClientError } from "./client_error.ts";

/** How a {@link Producer} comes to be. */
export interface ProducerOptions {
  /** Who sends: the server remembers what it has of each id (PROTOCOL §5.2.1). One producer at a time. */
  id: string;
  /** The epoch; 0. A greater one fences those who still send in a smaller one. */
  epoch?: number;
  /** The sequence number of the first batch; 0. Others go on where a producer of this epoch ended. */
  seq?: number;
  /**
   * Where the server knows a greater epoch at the start, take the one after it; false. For producers
   * that keep nothing between their lives.
   */
  autoClaim?: boolean;
  /** The stream's content type; asked for before the first batch where it is left out. */
  contentType?: string;
  /**
   * A batch is cut before it would have more bytes; 1 MiB, a tenth of what this project's server takes
   * by default, and at most `maxBufferedBytes`. A longer message goes alone.
   */
  maxBatchBytes?: number;
  /** A batch has at most so many messages; 10,000. */
  maxBatchMessages?: number;
  /**
   * How long a batch waits for more messages while another is under way; 5 ms. While none is, it goes
   * in the next turn of the event loop. With `Infinity` only size, count and `flush` cut, so that the
   * same messages make the same batches in every run: sending them again with the same id and epoch
   * and from sequence number 0 stores nothing twice.
   */
  lingerMs?: number;
  /** So many batches are under way at once; 4. */
  maxInFlight?: number;
  /** With so many bytes not stored yet, `send` waits; 16 MiB. Each batch counts 256 more than it has. */
  maxBufferedBytes?: number;
  /** The producer fails when nothing succeeded for this long; 60 s, or `Infinity`. */
  maxElapsedMs?: number;
  /** Aborting it ends the producer at once: everything rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called once when the producer fails; not when it is aborted. */
  onError?: (error: ClientError) => void;
}

/** The options with what was left out. */
export interface ProducerSettings {
  readonly id: string;
  readonly epoch: number;
  readonly seq: number;
  readonly autoClaim: boolean;
  readonly maxBatchBytes: number;
  readonly maxBatchMessages: number;
  readonly lingerMs: number;
  readonly maxInFlight: number;
  readonly maxBufferedBytes: number;
  readonly maxElapsedMs: number;
}

const HEADER_VALUE = /^[!-~](?:[ -~]*[!-~])?$/;

/**
 * Fills in what was left out.
 *
 * @throws {ClientError} `invalid_argument`
 */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const { id } = options;
  if (!HEADER_VALUE.test(id)) {
    throw new ClientError(
      "invalid_argument",
      `The producer's id ${
        JSON.stringify(id)
      } can't be sent: expected printable ASCII characters ` +
        "that neither begin nor end with a space.",
    );
  }
  const maxBufferedBytes = integer(options, "maxBufferedBytes", 16 * 1024 * 1024, 1);
  return {
    id,
    epoch: integer(options, "epoch", 0, 0),
    seq: integer(options, "seq", 0, 0),
    autoClaim: options.autoClaim ?? false,
    // Otherwise a batch could wait to be full while the messages that would fill it wait for room.
    maxBatchBytes: Math.min(
      integer(options, "maxBatchBytes", 1024 * 1024, 1),
      maxBufferedBytes,
    ),
    maxBatchMessages: integer(options, "maxBatchMessages", 10_000, 1),
    lingerMs: duration(options, "lingerMs", 5),
    maxInFlight: integer(options, "maxInFlight", 4, 1),
    maxBufferedBytes,
    maxElapsedMs: duration(options, "maxElapsedMs", 60_000),
  };
}

type Counted =
  | "epoch"
  | "seq"
  | "maxBatchBytes"
  | "maxBatchMessages"
  | "maxInFlight"
  | "maxBufferedBytes";

function integer(options: ProducerOptions, name: Counted, otherwise: number, min: number): number {
  const value = options[name] ?? otherwise;
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw invalid(name, value, `a whole number from ${min} to 2^53-1`);
}

function duration(
  options: ProducerOptions,
  name: "lingerMs" | "maxElapsedMs",
  otherwise: number,
): number {
  const value = options[name] ?? otherwise;
  if (value >= 0) return value;
  throw invalid(name, value, "milliseconds, at least 0, or Infinity");
}

function invalid(name: string, value: unknown, expected: string): ClientError {
  return new ClientError("invalid_argument", `${name} is ${value}: expected ${expected}.`);
}
