import { Backoff } from "../../env/backoff.ts";
import { ClientError } from "../errors/client_error.ts";
import { linkAborts } from "../transport/abort_link.ts";
import type { Connection } from "../transport/connection.ts";
import { isTransient, retryDelayMs } from "../transport/response_error.ts";
import { retry, RetryBudget } from "../transport/retry_loop.ts";
import type { AckOptions, Claim, StreamAck } from "./options.ts";
import type { Subscription } from "./subscription.ts";

/** A heartbeat is sent so many times in a lease; one that failed is repeated sooner. */
const BEATS = 3;
const REPEATED_BEATS = 12;
/** How long a release may take: without it the wake comes again after the lease. */
const RELEASE_MS = 5_000;

/**
 * A claimed wake, kept alive by heartbeats until it ends (PROTOCOL §7.2, §7.3). Its signal is aborted as
 * soon as the wake may be another worker's: the server said so, or no heartbeat got through for as long
 * as the lease lasts.
 */
export class Lease {
  readonly claim: Claim;
  readonly #connection: Connection;
  readonly #subscription: Subscription;
  readonly #controller = new AbortController();
  readonly #unlink: () => void;
  readonly #processed: StreamAck[] = [];
  #loss: unknown;
  #isOver = false;
  #cancelBeat = () => {};
  #cancelEnd = () => {};

  /**
   * @param sentMs when the claim was sent
   * @param signal whoever stops the worker
   */
  constructor(
    connection: Connection,
    subscription: Subscription,
    claim: Claim,
    sentMs: number,
    signal: AbortSignal | undefined,
  ) {
    this.claim = claim;
    this.#connection = connection;
    this.#subscription = subscription;
    this.#unlink = linkAborts([signal], this.#controller);
    this.#renewed(sentMs);
    this.#beatAfter(claim.leaseMs / BEATS);
  }

  /** Aborted if the wake is lost, or its worker is stopped. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the wake is lost; `undefined` while it isn't. */
  get loss(): unknown {
    return this.#loss;
  }

  /** Notes what was processed: it goes out with the next ack, which mostly is the last. */
  processed(ack: StreamAck): void {
    this.#processed.push(ack);
  }

  /**
   * Acknowledges what was processed, if anything, and begins the lease anew.
   *
   * @throws {ClientError} `fenced`, among others
   */
  async ack(): Promise<void> {
    if (this.#processed.length === 0) return;
    const sentMs = this.#connection.clock.nowMs();
    await this.#send({});
    this.#renewed(sentMs);
  }

  /**
   * Acknowledges, and ends the wake; resolves to whether another is due.
   *
   * @throws {ClientError}
   */
  async finish(): Promise<boolean> {
    this.end();
    const { nextWake } = await this.#send({ done: true });
    return nextWake;
  }

  /** Acknowledges, and gives the wake back, if it isn't lost; what goes wrong then is the lease's end. */
  async release(): Promise<void> {
    this.end();
    if (this.#loss !== undefined) return;
    await this.ack().catch(() => {});
    await this.#subscription.release(this.claim, { timeoutMs: RELEASE_MS, retriedByCaller: true })
      .catch(() => {});
  }

  /** Ends the heartbeats. */
  end(): void {
    this.#isOver = true;
    this.#cancelBeat();
    this.#cancelEnd();
    this.#unlink();
  }

  /** Sends an ack of all that was processed, again until the lease is over. */
  #send(options: AckOptions): Promise<{ nextWake: boolean }> {
    const { clock, random } = this.#connection;
    const acks = this.#processed.splice(0);
    return retry({
      budget: new RetryBudget(clock, this.claim.leaseMs),
      backoff: new Backoff({ random }),
      signal: undefined,
      attempt: (attempt) => {
        if (this.#loss !== undefined) throw this.#loss;
        return this.#subscription.ack(this.claim, {
          ...options,
          acks,
          attempt,
          retriedByCaller: true,
        });
      },
      decide: ({ error }) => error === undefined ? undefined : retryDelayMs(error),
    });
  }

  #beatAfter(delayMs: number): void {
    this.#cancelBeat = this.#connection.clock.setTimer(delayMs, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    const { leaseMs } = this.claim;
    const sentMs = this.#connection.clock.nowMs();
    try {
      await this.#subscription.ack(this.claim, {
        timeoutMs: leaseMs / BEATS,
        retriedByCaller: true,
      });
      if (this.#isOver) return;
      this.#renewed(sentMs);
      this.#beatAfter(leaseMs / BEATS);
    } catch (error) {
      // The answer to a heartbeat that the wake's end has overtaken says nothing.
      if (this.#isOver) return;
      if (isTransient(error)) this.#beatAfter(leaseMs / REPEATED_BEATS);
      else this.#lose(error);
    }
  }

  #renewed(sentMs: number): void {
    if (this.#isOver) return;
    const { clock } = this.#connection;
    const { leaseMs } = this.claim;
    this.#cancelEnd();
    this.#cancelEnd = clock.setTimer(Math.max(0, sentMs + leaseMs - clock.nowMs()), () => {
      const message = `No heartbeat got through for ${leaseMs} ms, which the lease lasts.`;
      this.#lose(new ClientError("fenced", message));
    });
  }

  #lose(error: unknown): void {
    this.#loss = error;
    this.end();
    this.#controller.abort(error);
  }
}
