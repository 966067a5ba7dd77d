import type { ClientError } from "./client_error.ts";
import { invalidArgument } from "./invalid_argument.ts";

/** How a {@link Producer} comes to be. */
export interface ProducerOptions {
  /** Who sends: the server remembers what it has of each id (PROTOCOL §5.2.1). One producer at a time. */
  id: string;
  /** The epoch; 0. A greater one fences those who still send in a smaller one. */
  epoch?: number;
  /** The sequence number of the first batch; 0. Others go on where a producer of this epoch ended. */
  seq?: number;
  /**
   * Asks at the start what the server knows of this id, and takes the epoch after that; false. For
   * producers that keep nothing between their lives.
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

const MIB = 1024 * 1024;
const DEFAULTS = {
  epoch: 0,
  seq: 0,
  autoClaim: false,
  maxBatchBytes: MIB,
  maxBatchMessages: 10_000,
  lingerMs: 5,
  maxInFlight: 4,
  maxBufferedBytes: 16 * MIB,
  maxElapsedMs: 60_000,
};
const FROM_0 = ["epoch", "seq"] as const;
const FROM_1 = ["maxBatchBytes", "maxBatchMessages", "maxInFlight", "maxBufferedBytes"] as const;
const DURATIONS = ["lingerMs", "maxElapsedMs"] as const;
const HEADER_VALUE = /^[!-~](?:[ -~]*[!-~])?$/;

/**
 * Fills in what was left out.
 *
 * @throws {ClientError} `invalid_argument`
 */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const settings = { ...DEFAULTS, ...options };
  const { id, maxBatchBytes, maxBufferedBytes } = settings;
  if (!HEADER_VALUE.test(id)) {
    throw invalidArgument("The producer's id", id, "printable ASCII, no space first or last");
  }
  for (const name of FROM_0) checkInteger(name, settings[name], 0);
  for (const name of FROM_1) checkInteger(name, settings[name], 1);
  for (const name of DURATIONS) {
    const value = settings[name];
    if (!(value >= 0)) throw invalidArgument(name, value, "milliseconds, at least 0, or Infinity");
  }
  // Otherwise a batch could wait to be full while the messages that would fill it wait for room.
  return { ...settings, maxBatchBytes: Math.min(maxBatchBytes, maxBufferedBytes) };
}

function checkInteger(name: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min) return;
  throw invalidArgument(name, value, `a whole number from ${min} to 2^53-1`);
}
