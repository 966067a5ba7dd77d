import type { Clock } from "../../env/clock.ts";
import type { HttpRequest } from "../../http/handler.ts";
import { StreamError } from "../../protocol/errors.ts";
import type { Counters } from "../common/counters.ts";
import type { RateOptions } from "../common/limit_options.ts";
import { ClientAddresses, type ClientAddressesOptions } from "./client_addresses.ts";
import { ClientTable } from "./client_table.ts";
import { Elapsed } from "./elapsed.ts";
import { HeldRejections, tooMany } from "./held_rejections.ts";
import { TokenRate } from "./token_rate.ts";

/** So many addresses are told apart. */
const ADDRESSES = 100_000;

/** What may change of {@link FailedTokens}. */
export interface FailedTokensOptions extends ClientAddressesOptions {
  readonly failedTokens: RateOptions;
}

/** What {@link FailedTokens} are made of. */
export interface FailedTokensParts extends FailedTokensOptions {
  readonly clock: Clock;
  readonly counters: Counters;
}

/**
 * How many tokens of one address may turn out to be no good. To verify one costs up to half a millisecond,
 * and to make one up costs nothing: past the limit none that isn't known yet is verified for that address.
 * Those that are known go on.
 */
export class FailedTokens {
  readonly #counters: Counters;
  #addresses: ClientAddresses;
  readonly #clients = new ClientTable(ADDRESSES);
  #rate: TokenRate;
  readonly #rejections: HeldRejections;
  readonly #elapsed: Elapsed;

  constructor(parts: FailedTokensParts) {
    this.#counters = parts.counters;
    this.#addresses = new ClientAddresses(parts);
    this.#rate = new TokenRate(parts.failedTokens);
    this.#rejections = new HeldRejections(parts.clock);
    this.#elapsed = new Elapsed(parts.clock);
  }

  /**
   * Looks at another limit and changes nothing.
   *
   * @returns puts it in place; tokens that have failed stay so
   * @throws {RangeError} where a proxy's address is none
   */
  prepare(options: FailedTokensOptions): () => void {
    const rate = new TokenRate(options.failedTokens);
    const addresses = new ClientAddresses(options);
    return () => {
      const nowMs = this.#elapsed.ms();
      for (const client of this.#clients.all()) {
        client.failuresFullAtMs = this.#rate.convert(client.failuresFullAtMs, nowMs, rate);
      }
      this.#rate = rate;
      this.#addresses = addresses;
    };
  }

  /**
   * Verifies a request's token, unless too many of its address have failed. Those that are verified at the
   * same time all count, and what is more than the limit is waited for.
   *
   * @throws {StreamError} `too_many_requests`, and whatever `verify` does
   */
  async verify<T>(request: HttpRequest, verify: () => Promise<T>): Promise<T> {
    const key = this.#addresses.keyOf(request);
    // Nobody's address is everybody's, as behind a socket of the file system.
    if (key === "") return await verify();
    const nowMs = this.#elapsed.ms();
    const client = this.#clients.of(key, nowMs);
    const waitMs = this.#rate.waitMs(client.failuresFullAtMs, nowMs);
    if (waitMs > 0) {
      this.#counters.refusedTokens++;
      await new Promise<void>((resolve) => this.#rejections.add(client, nowMs, resolve));
      throw this.#tooManyFailed(waitMs);
    }
    try {
      return await verify();
    } catch (error) {
      if (error instanceof StreamError && error.code === "token_invalid") this.#count(key);
      throw error;
    }
  }

  #count(key: string): void {
    const nowMs = this.#elapsed.ms();
    // Looked up again: one that had been idle may be forgotten.
    const client = this.#clients.of(key, nowMs);
    client.failuresFullAtMs = this.#rate.take(client.failuresFullAtMs, 1, nowMs);
  }

  #tooManyFailed(waitMs: number): StreamError {
    const { perSecond, burst } = this.#rate;
    return tooMany(
      waitMs,
      `Of one address ${perSecond} tokens a second may be no good, ${burst} at once ` +
        "(client-failed-tokens), and only tokens that were good before are taken until then",
    );
  }
}
