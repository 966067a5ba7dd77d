import { type AppendAnswer, sendAppend } from "../transport/append_request.ts";
import { Backoff } from "../../env/backoff.ts";
import type { ProducerBatch } from "./batch.ts";
import { ClientError } from "../errors/client_error.ts";
import type { Connection } from "../transport/connection.ts";
import { type NextAttempt, retry, RetryBudget } from "../transport/retry_loop.ts";
import { retryDelayMs } from "../transport/response_error.ts";
import { mayHaveStored } from "./failure.ts";
import type { ProducerSettings } from "./options.ts";

/** Callbacks for the results of batches. */
export interface PipelineEvents {
  /** A batch was acknowledged: there is more room. */
  onStored: () => void;
  /** Nothing more can be stored; called once. */
  onFailed: (error: unknown) => void;
}

/** The numbers of batches and messages in a pipeline. */
export interface PipelineCounts {
  queuedBatches: number;
  queuedMessages: number;
  inFlightBatches: number;
  inFlightMessages: number;
}

/** A batch in flight. */
interface Delivery {
  readonly batch: ProducerBatch;
  readonly abort: AbortController;
  readonly backoff: Backoff;
  /** The oldest batch that wasn't acknowledged when it was sent: the server can't lack one before. */
  floorSeq: number;
  /** Ends the wait for the batches before it. */
  proceed: (() => void) | undefined;
}

/** No batch has this number: the server rejects it, and the response shows what it knows of this id. */
const PROBE_SEQ = Number.MAX_SAFE_INTEGER;

/**
 * Sends batches in order, several at once, each until it is acknowledged: batches that overtook others
 * wait and are sent again, transient failures are retried, and with `autoClaim` a greater epoch is
 * claimed (PROTOCOL §5.2.1).
 */
export class ProducerPipeline {
  /** The content type of the batches. */
  contentType: string | undefined;
  readonly #connection: Connection;
  readonly #path: string;
  readonly #settings: ProducerSettings;
  readonly #events: PipelineEvents;
  readonly #retryBudget: RetryBudget;
  readonly #queued: ProducerBatch[] = [];
  /** By sequence number. */
  readonly #inFlight: Delivery[] = [];
  /** The epoch in use. */
  epoch: number;
  /** The sequence number of the next batch. */
  nextSeq: number;
  #last: ProducerBatch | undefined;
  /** Bytes of the batches that aren't acknowledged. */
  bytes = 0;
  /** The tail after the newest acknowledged batch, if the server gave it. */
  offset: string | undefined;
  /** Whether the server has acknowledged a batch, and so knows this producer. */
  #isKnown = false;
  #claims = 0;
  #isProbed: boolean;
  #isStopped = false;

  constructor(
    connection: Connection,
    path: string,
    settings: ProducerSettings,
    events: PipelineEvents,
  ) {
    this.#connection = connection;
    this.#path = path;
    this.#settings = settings;
    this.#events = events;
    this.epoch = settings.epoch;
    this.nextSeq = settings.seq;
    this.#isProbed = !settings.autoClaim;
    this.#retryBudget = new RetryBudget(connection.clock, settings.maxElapsedMs);
  }

  /** Whether all batches are acknowledged. */
  get isIdle(): boolean {
    return this.#inFlight.length === 0 && this.#queued.length === 0;
  }

  /** Whether the next batch would be sent at once. */
  get hasSlot(): boolean {
    return this.#queued.length === 0 && this.#inFlight.length < this.#slots;
  }

  /** How many batches, and messages in them, are queued and in flight. */
  get counts(): PipelineCounts {
    const inFlight = this.#inFlight.map(({ batch }) => batch);
    return {
      queuedBatches: this.#queued.length,
      queuedMessages: messagesIn(this.#queued),
      inFlightBatches: inFlight.length,
      inFlightMessages: messagesIn(inFlight),
    };
  }

  /** Sends a batch after those before it. */
  push(batch: ProducerBatch): void {
    this.#last = batch;
    batch.seq = this.nextSeq++;
    this.bytes += batch.bytes;
    this.#queued.push(batch);
    this.#sendQueued();
  }

  /**
   * Resolves when every batch up to now is stored.
   *
   * @throws the error of the newest batch
   */
  async stored(): Promise<void> {
    await this.#last?.receipt.stored;
  }

  /** The batches that aren't acknowledged, oldest first. */
  remaining(): ProducerBatch[] {
    return [...this.#inFlight.map(({ batch }) => batch), ...this.#queued];
  }

  /** Aborts the requests in flight and sends nothing more. */
  stop(): void {
    this.#isStopped = true;
    for (const { abort } of this.#inFlight) abort.abort();
  }

  // Until the server knows this producer, a batch that overtakes another would open the epoch.
  get #slots(): number {
    return this.#isKnown ? this.#settings.maxInFlight : 1;
  }

  #sendQueued(): void {
    while (!this.#isStopped) {
      const batch = this.#queued[0];
      // A close is sent last: a batch that is repeated after it would find the stream closed.
      if (batch === undefined || this.#inFlight.length >= (batch.close ? 1 : this.#slots)) return;
      this.#queued.shift();
      const delivery: Delivery = {
        batch,
        abort: new AbortController(),
        backoff: new Backoff({ random: this.#connection.random }),
        floorSeq: batch.seq,
        proceed: undefined,
      };
      this.#inFlight.push(delivery);
      void this.#deliver(delivery);
    }
  }

  async #deliver(delivery: Delivery): Promise<void> {
    try {
      const result = await retry({
        budget: this.#retryBudget,
        backoff: delivery.backoff,
        signal: delivery.abort.signal,
        attempt: (number) => this.#send(delivery, number),
        decide: ({ error }) => error === undefined ? undefined : this.#recover(delivery, error),
      });
      if (this.#isAwaited(delivery)) this.#acknowledge(delivery, result);
    } catch (error) {
      if (this.#isAwaited(delivery)) this.#fail(error);
    }
  }

  /** Whether the outcome of the batch is still open. */
  #isAwaited(delivery: Delivery): boolean {
    return !this.#isStopped && this.#inFlight.includes(delivery);
  }

  async #send(delivery: Delivery, attempt: number): Promise<AppendAnswer> {
    const { batch, abort } = delivery;
    delivery.floorSeq = this.#inFlight[0]?.batch.seq ?? batch.seq;
    batch.isSending = true;
    const result = await sendAppend(this.#connection, this.#path, {
      contentType: this.contentType,
      body: batch.body,
      close: batch.close,
      producer: {
        id: this.#settings.id,
        epoch: this.epoch,
        seq: this.#isProbed ? batch.seq : PROBE_SEQ,
      },
      signal: abort.signal,
      attempt,
    });
    this.#checkOurs(batch, result);
    return result;
  }

  /** Decides when it makes sense to send a batch again whose attempt failed, if ever. */
  async #recover(delivery: Delivery, error: unknown): Promise<NextAttempt> {
    if (!this.#isAwaited(delivery)) return undefined;
    const { batch, floorSeq } = delivery;
    batch.isSending = false;
    if (this.#isProbed && mayHaveStored(error)) batch.isOutcomeUnknown = true;
    if (error instanceof ClientError) {
      const { code, expectedSeq = -1 } = error;
      // To some servers a producer that they don't know and that doesn't begin with 0 is a bad request.
      const isGap = code === "sequence_gap";
      if (!this.#isProbed && (isGap || code === "bad_request")) {
        this.#isProbed = true;
        if (isGap && expectedSeq !== batch.seq) this.#claim(batch, this.epoch);
        return "at once";
      }
      if (isGap && expectedSeq >= floorSeq && expectedSeq < batch.seq) {
        // If the network duplicated the request, the copy may arrive later and be stored then.
        batch.isOutcomeUnknown = true;
        await this.#waitForPredecessors(delivery);
        return "at once";
      }
      if (code === "stale_epoch" && this.#claim(batch, error.epoch)) {
        // A second such answer shows another producer that claims, or a broken server.
        return this.#claims === 1 ? "at once" : error.retryAfterMs ?? 0;
      }
    }
    return retryDelayMs(error);
  }

  /** Waits until all batches before this one are acknowledged. */
  #waitForPredecessors(delivery: Delivery): Promise<void> | undefined {
    if (this.#inFlight[0] === delivery) return undefined;
    return new Promise((resolve) => {
      delivery.proceed = resolve;
    });
  }

  /**
   * With `autoClaim` no other producer should have sent the first batch of this epoch.
   *
   * @throws {ClientError} `stale_epoch` if one did, unless the network may have duplicated this request
   */
  #checkOurs(batch: ProducerBatch, { duplicate }: AppendAnswer): void {
    const { autoClaim, seq, id } = this.#settings;
    const isFirst = !this.#isKnown && !batch.isOutcomeUnknown;
    if (!autoClaim || !duplicate || !isFirst || seq > 0) return;
    batch.isOutcomeUnknown = true;
    throw new ClientError(
      "stale_epoch",
      `Another producer ${JSON.stringify(id)} began epoch ${this.epoch}.`,
      { epoch: this.epoch },
    );
  }

  /** Takes the epoch after the server's, if nothing can have been stored in the current one. */
  #claim(batch: ProducerBatch, epoch = -1): boolean {
    const mayClaim = this.#settings.autoClaim && !this.#isKnown &&
      !batch.isOutcomeUnknown && epoch >= this.epoch && Number.isSafeInteger(epoch + 1);
    if (!mayClaim) return false;
    this.#claims++;
    this.#begin(epoch + 1);
    return true;
  }

  #begin(epoch: number): void {
    this.epoch = epoch;
    this.nextSeq = 0;
    this.#isProbed = true;
    for (const unsent of this.remaining()) unsent.seq = this.nextSeq++;
  }

  /** Settles a batch and those before it: the server takes no batch whose predecessor it lacks. */
  #acknowledge(delivery: Delivery, { offset }: AppendAnswer): void {
    this.#retryBudget.reset();
    this.#isKnown = true;
    this.offset = offset ?? this.offset;
    const stored = this.#inFlight.splice(0, this.#inFlight.indexOf(delivery) + 1);
    for (const { batch, abort } of stored) {
      this.bytes -= batch.bytes;
      batch.receipt.settle({ stored: { offset } });
      abort.abort();
    }
    // The server accepted the probe, so that it would treat all that follows in this epoch as duplicates.
    if (!this.#isProbed) this.#begin(this.epoch + 1);
    const [oldest] = this.#inFlight;
    oldest?.proceed?.();
    this.#sendQueued();
    this.#events.onStored();
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return;
    this.stop();
    this.#events.onFailed(error);
  }
}

function messagesIn(batches: readonly ProducerBatch[]): number {
  return batches.reduce((sum, { messages }) => sum + messages, 0);
}
