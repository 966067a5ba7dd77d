import { type AppendAnswer, sendAppend } from "./append_request.ts";
import { Backoff } from "./backoff.ts";
import type { ProducerBatch } from "./producer_batch.ts";
import { ClientError } from "./client_error.ts";
import type { Connection } from "./connection.ts";
import { Fifo } from "./fifo.ts";
import { Patience } from "./producer_patience.ts";
import { mayHaveStored } from "./producer_failure.ts";
import type { ProducerSettings } from "./producer_options.ts";

/** Who hears of what becomes of batches. */
export interface PipelineEvents {
  /** A batch was acknowledged: there is more room. */
  onStored: () => void;
  /** Nothing more can be stored; called once. */
  onFailed: (error: unknown) => void;
}

/** A batch under way. */
interface Delivery {
  readonly batch: ProducerBatch;
  readonly abort: AbortController;
  readonly backoff: Backoff;
  /** Ends the wait for the batches before it. */
  proceed: (() => void) | undefined;
}

/** A server that takes every first batch for a duplicate must not be sent it for ever. */
const CLAIMS_LIMIT = 20;

interface FlushWait {
  readonly ordinal: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sends batches in their order, several at once, each until it is acknowledged: batches that overtook
 * others wait and are sent again, failures that pass are waited out, and a greater epoch is claimed
 * where that is wanted (PROTOCOL §5.2.1).
 */
export class ProducerPipeline {
  /** What the batches are. */
  contentType: string | undefined;
  readonly #connection: Connection;
  readonly #path: string;
  readonly #settings: ProducerSettings;
  readonly #events: PipelineEvents;
  readonly #patience: Patience;
  readonly #queued = new Fifo<ProducerBatch>();
  /** By sequence number. */
  readonly #underWay: Delivery[] = [];
  readonly #flushWaits = new Fifo<FlushWait>();
  #epoch: number;
  #nextSeq: number;
  #pushed = 0;
  #bytes = 0;
  #newest: { ordinal: number; offset: string } | undefined;
  #claims = 0;
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
    this.#epoch = settings.epoch;
    this.#nextSeq = settings.seq;
    this.#patience = new Patience(
      connection.clock,
      settings.maxElapsedMs,
      (error) => this.#fail(error),
    );
  }

  /** The epoch in use. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The sequence number of the next batch. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** The tail after the newest batch that was acknowledged. */
  get offset(): string | undefined {
    return this.#newest?.offset;
  }

  /** Bytes of the batches that aren't acknowledged. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether all batches are acknowledged. */
  get isIdle(): boolean {
    return this.#underWay.length === 0 && this.#queued.length === 0;
  }

  /** Whether the next batch would be sent at once. */
  get hasSlot(): boolean {
    return this.#queued.length === 0 && this.#underWay.length < this.#slots;
  }

  /** Sends a batch after those before it. */
  push(batch: ProducerBatch): void {
    batch.ordinal = this.#pushed++;
    batch.seq = this.#nextSeq++;
    this.#bytes += batch.bytes;
    this.#queued.push(batch);
    this.#sendQueued();
  }

  /** Resolves when every batch up to now is acknowledged; rejects with what `endWaits` is given. */
  stored(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#flushWaits.push({ ordinal: this.#pushed, resolve, reject });
    });
  }

  /** Rejects for those who wait for what is not going to be stored. */
  endWaits(error: unknown): void {
    for (const { reject } of this.#flushWaits.takeAll()) reject(error);
  }

  /** The batches that aren't acknowledged, oldest first. */
  remaining(): ProducerBatch[] {
    return [...this.#underWay.map(({ batch }) => batch), ...this.#queued.toArray()];
  }

  /** Aborts what is under way and sends nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#patience.end();
    for (const { abort } of this.#underWay) abort.abort();
  }

  // Until the server knows this producer, a batch that overtakes another would open the epoch.
  get #slots(): number {
    return this.#newest === undefined ? 1 : this.#settings.maxInFlight;
  }

  #sendQueued(): void {
    while (!this.#isStopped) {
      const batch = this.#queued.peek();
      // A close goes last: a batch that is sent again finds the stream closed, though it is stored.
      if (batch === undefined || this.#underWay.length >= (batch.close ? 1 : this.#slots)) return;
      this.#queued.shift();
      if (this.#underWay.length === 0) this.#patience.begin();
      const delivery: Delivery = {
        batch,
        abort: new AbortController(),
        backoff: new Backoff({ random: this.#connection.random }),
        proceed: undefined,
      };
      this.#underWay.push(delivery);
      void this.#deliver(delivery);
    }
  }

  async #deliver(delivery: Delivery): Promise<void> {
    try {
      let answer: AppendAnswer | undefined;
      while (answer === undefined) answer = await this.#attempt(delivery);
      if (!this.#isStopped) this.#acknowledge(delivery, answer);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The answer, or `undefined` where the batch may be sent again now. */
  async #attempt(delivery: Delivery): Promise<AppendAnswer | undefined> {
    const { batch } = delivery;
    // What comes before was acknowledged, so the server can't wait for it any more.
    const floorSeq = this.#underWay[0]?.batch.seq ?? batch.seq;
    batch.isSending = true;
    try {
      const answer = await this.#send(delivery);
      const isOthers = answer.duplicate && this.#settings.seq === 0 &&
        this.#claim(batch, this.#epoch);
      return isOthers ? undefined : answer;
    } catch (error) {
      if (this.#isStopped) throw error;
      batch.isSending = false;
      if (mayHaveStored(error)) batch.isUnanswered = true;
      await this.#recover(delivery, error, floorSeq);
      return undefined;
    }
  }

  #send({ batch, abort }: Delivery): Promise<AppendAnswer> {
    return sendAppend(this.#connection, this.#path, {
      contentType: this.contentType,
      body: batch.body,
      close: batch.close,
      producer: { id: this.#settings.id, epoch: this.#epoch, seq: batch.seq },
      signal: abort.signal,
    });
  }

  /** Returns when it makes sense to send the batch again, or throws what can't be helped. */
  async #recover(delivery: Delivery, error: unknown, floorSeq: number): Promise<void> {
    const { batch, abort, backoff } = delivery;
    if (error instanceof ClientError) {
      const { code, expectedSeq = -1 } = error;
      if (code === "sequence_gap" && expectedSeq >= floorSeq && expectedSeq < batch.seq) {
        return await this.#predecessors(delivery);
      }
      if (code === "stale_epoch" && this.#claim(batch, error.epoch)) {
        // Whoever is answered so again and again meets another one who claims, or a broken server.
        if (this.#claims === 1) return;
        return await this.#patience.wait(error, backoff, abort.signal);
      }
    }
    await this.#patience.waitOut(error, backoff, abort.signal);
  }

  /** Waits until all batches before this one are acknowledged. */
  #predecessors(delivery: Delivery): Promise<void> | undefined {
    if (this.#underWay[0] === delivery) return undefined;
    return new Promise((resolve) => {
      delivery.proceed = resolve;
    });
  }

  /**
   * Takes the epoch after the server's, if nothing can have been stored in ours. A first batch that the
   * server takes for a duplicate says so too: another producer began in the same epoch.
   */
  #claim(batch: ProducerBatch, epoch = -1): boolean {
    const mayClaim = this.#settings.autoClaim && this.#newest === undefined &&
      !batch.isUnanswered && epoch >= this.#epoch && Number.isSafeInteger(epoch + 1) &&
      this.#claims < CLAIMS_LIMIT;
    if (!mayClaim) return false;
    this.#claims++;
    this.#epoch = epoch + 1;
    this.#nextSeq = 0;
    for (const unsent of this.remaining()) unsent.seq = this.#nextSeq++;
    return true;
  }

  #acknowledge(delivery: Delivery, { offset }: AppendAnswer): void {
    const { batch } = delivery;
    this.#patience.renew();
    this.#underWay.splice(this.#underWay.indexOf(delivery), 1);
    this.#bytes -= batch.bytes;
    if (this.#newest === undefined || this.#newest.ordinal < batch.ordinal) {
      this.#newest = { ordinal: batch.ordinal, offset };
    }
    batch.receipt.settle({ stored: { offset } });
    const [oldest] = this.#underWay;
    oldest?.proceed?.();
    this.#sendQueued();
    if (this.isIdle) this.#patience.end();
    this.#resolveWaits(this.#underWay[0]?.batch.ordinal ?? this.#pushed);
    this.#events.onStored();
  }

  /** @param oldest the ordinal of the first batch that isn't acknowledged */
  #resolveWaits(oldest: number): void {
    for (
      let wait = this.#flushWaits.peek();
      wait !== undefined && wait.ordinal <= oldest;
      wait = this.#flushWaits.peek()
    ) {
      this.#flushWaits.shift();
      wait.resolve();
    }
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return;
    this.stop();
    this.#events.onFailed(error);
  }
}
