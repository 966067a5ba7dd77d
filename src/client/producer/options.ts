import type { ClientError } from "../errors/client_error.ts";
import { checkAmounts, checkIntegers } from "../errors/option_checks.ts";
import { defined } from "../transport/defined.ts";
import type { RequestAdditions } from "../transport/headers_option.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";

/** How a {@link Producer} sends, and the additions to its requests. */
export interface ProducerOptions extends RequestAdditions {
  /** Its identity: the server remembers what it has from each id (PROTOCOL §5.2.1). One producer at a time. */
  id: string;
  /** The epoch; 0. A greater one fences off producers that still send in a smaller one. */
  epoch?: number | undefined;
  /** The sequence number of the first batch; 0. Another one continues a producer of this epoch. */
  seq?: number | undefined;
  /**
   * Asks the server for the epoch of this id at the start, and takes the next one; false. For producers
   * that keep no state between runs.
   */
  autoClaim?: boolean | undefined;
  /** The stream's content type; fetched before the first batch unless given. */
  contentType?: string | undefined;
  /**
   * The most bytes of a batch; 1 MiB, a tenth of what this project's server takes by default, and at most
   * `maxBufferedBytes`. A longer message is sent alone.
   */
  maxBatchBytes?: number | undefined;
  /** The most messages of a batch; 10,000. */
  maxBatchMessages?: number | undefined;
  /**
   * How long a batch waits for more messages while another is in flight; 5 ms. While none is, it is sent
   * in the next turn of the event loop. With `Infinity` only size, count and `flush` cut, so that the
   * same messages make the same batches in every run: sending them again with the same id and epoch
   * and from sequence number 0 stores nothing twice.
   */
  lingerMs?: number | undefined;
  /** The most batches in flight; 4. */
  maxInFlight?: number | undefined;
  /** `send` waits while so many bytes aren't stored yet; 16 MiB. Each batch counts 256 bytes extra. */
  maxBufferedBytes?: number | undefined;
  /** The producer fails after this long without a success; 60 s, or `Infinity`. */
  maxElapsedMs?: number | undefined;
  /** Aborting it ends the producer at once: everything rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Called once when the producer fails; not when it is aborted. With it, promises that nobody awaits
   * reject with the failure without an `unhandledrejection`.
   */
  onError?: ((error: ClientError) => void) | undefined;
}

/** The options with their defaults. */
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
 * Checks the options and adds the defaults.
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
  // Otherwise a batch could wait for messages that wait for room.
  const { maxBatchBytes, maxBufferedBytes } = settings;
  return { ...settings, maxBatchBytes: Math.min(maxBatchBytes, maxBufferedBytes) };
}
