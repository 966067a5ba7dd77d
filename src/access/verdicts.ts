import { type Clock, hasPassed } from "../env/clock.ts";
import { decodeUtf8, encodeUtf8 } from "../protocol/bytes.ts";
import { StreamError } from "../protocol/errors.ts";
import type { Permit } from "./permit.ts";
import { RecentMap } from "./recent_map.ts";

/** How long a fault is remembered. */
const FAULT_MS = 10_000;
/** Faults have a map of their own, or made-up tokens would drive out the good ones. */
const FAULTS_LIMIT = 1000;

interface Fault {
  readonly error: StreamError;
  readonly atMs: number;
}

/** What was found out about tokens and links, by their whole text. Always synchronous. */
export class Verdicts {
  readonly #clock: Clock;
  readonly #permits: RecentMap<Permit>;
  readonly #faults = new RecentMap<Fault>(FAULTS_LIMIT);
  #epoch = 0;

  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#permits = new RecentMap(limit);
  }

  /**
   * The permit that this text has been given, or `undefined` where that isn't known or holds no more.
   *
   * @throws {StreamError} where the text was found to be no good, or its time is over
   */
  get(text: string): Permit | undefined {
    const permit = this.#permits.get(text);
    if (permit !== undefined) {
      if (permit.signal?.aborted !== true) {
        if (permit.expiresAtMs === undefined || this.#clock.nowMs() < permit.expiresAtMs) {
          return permit;
        }
        this.#permits.delete(text);
        throw tokenExpired(permit.expiresAtMs);
      }
      this.#permits.delete(text);
      return undefined;
    }
    const fault = this.#faults.get(text);
    if (fault === undefined) return undefined;
    // By a clock that was set back a token may be good that was found expired.
    if (!hasPassed(FAULT_MS, fault.atMs, this.#clock.nowMs())) throw fault.error;
    this.#faults.delete(text);
    return undefined;
  }

  /** Changes where what is accepted does. */
  get epoch(): number {
    return this.#epoch;
  }

  /** @param epoch when it was begun to find out: what has changed since isn't known of it */
  accept(text: string, permit: Permit, epoch = this.#epoch): Permit {
    if (epoch === this.#epoch) this.#permits.set(copyOf(text), permit);
    return permit;
  }

  reject(text: string, error: StreamError): void {
    this.#faults.set(copyOf(text), { error, atMs: this.#clock.nowMs() });
  }

  /** Where what is accepted has changed. */
  clear(): void {
    this.#epoch++;
    this.#permits.clear();
    this.#faults.clear();
  }

  /** Where more may be accepted than before. */
  clearFaults(): void {
    this.#faults.clear();
  }
}

/** What a request is refused with whose token, link or cookie has an end that is over. */
export function tokenExpired(atMs: number): StreamError {
  const when = new Date(atMs).toISOString();
  return new StreamError({ code: "token_expired" }, `The token expired at ${when}.`);
}

/** What a request is refused with whose token is no good. */
export function tokenInvalid(problem: string): StreamError {
  return new StreamError({ code: "token_invalid" }, `The token isn't valid: ${problem}.`);
}

/** What was cut from a request's head would keep all of that alive. */
function copyOf(text: string): string {
  return decodeUtf8(encodeUtf8(text));
}
