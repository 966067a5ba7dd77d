import type { ClientError } from "../errors/client_error.ts";
import { checkAmounts, checkIntegers } from "../errors/option_checks.ts";
import { defined } from "../transport/defined.ts";
import type { RequestAdditions } from "../transport/headers_option.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";

/** How a {@link Producer} comes to be; what goes with every request of it. */
export interface ProducerOptions extends RequestAdditions {
  /** Who sends: the server remembers what it has of each id (PROTOCOL §5.2.1). One producer at a time. */
  id: string;
  /** The epoch; 0. A greater one fences those who still send in a smaller one. */
  epoch?: number | undefined;
  /** The sequence number of the first batch; 0. Others go on where a producer of this epoch ended. */
  seq?: number | undefined;
  /**
   * Asks at the start what the server knows of this id, and takes the epoch after that; false. For
   * producers that keep nothing between their lives.
   */
  autoClaim?: boolean | undefined;
  /** The stream's content type; asked for before the first batch where it is left out. */
  contentType?: string | undefined;
  /**
   * A batch is cut before it would have more bytes; 1 MiB, a tenth of what this project's server takes
   * by default, and at most `maxBufferedBytes`. A longer message goes alone.
   */
  maxBatchBytes?: number | undefined;
  /** A batch has at most so many messages; 10,000. */
  maxBatchMessages?: number | undefined;
  /**
   * How long a batch waits for more messages while another is under way; 5 ms. While none is, it goes
   * in the next turn of the event loop. With `Infinity` only size, count and `flush` cut, so that the
   * same messages make the same batches in every run: sending them again with the same id and epoch
   * and from sequence number 0 stores nothing twice.
   */
  lingerMs?: number | undefined;
  /** So many batches are under way at once; 4. */
  maxInFlight?: number | undefined;
  /** With so many bytes not stored yet, `send` waits; 16 MiB. Each batch counts 256 more than it has. */
  maxBufferedBytes?: number | undefined;
  /** The producer fails when nothing succeeded for this long; 60 s, or `Infinity`. */
  maxElapsedMs?: number | undefined;
  /** Aborting it ends the producer at once: everything rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Called once when the producer fails; not when it is aborted. Who has it hears of the failure here, so
   * that what nobody awaits may reject with it without an `unhandledrejection`.
   */
  onError?: ((error: ClientError) => void) | undefined;
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
  const { id } = options;
  const settings = { ...DEFAULTS, ...defined(options), id };
  if (typeof id !== "string" || !HEADER_VALUE.test(id)) {
    throw invalidArgument("The producer's id", id, "printable ASCII, no space first or last");
  }
  checkIntegers(settings, FROM_0, 0);
  checkIntegers(settings, FROM_1, 1);
  checkAmounts(settings, DURATIONS);
  // Otherwise a batch could wait to be full while the messages that would fill it wait for room.
  const { maxBatchBytes, maxBufferedBytes } = settings;
  return { ...settings, maxBatchBytes: Math.min(maxBatchBytes, maxBufferedBytes) };
}
