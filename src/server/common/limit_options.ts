/** How fast something may come. */
export interface RateOptions {
  /** So many in a second, on average. */
  readonly perSecond: number;
  /** So many at once after a pause; as many as in a second. */
  readonly burst?: number;
}

/** What one client may do, of those things that are limited. */
export interface ClientLimitOptions {
  /** Requests, but those for the health and the preflights of web pages. */
  readonly requests?: RateOptions;
  /** Bytes of bodies, in either direction for itself: of its requests, and of the responses to its reads. */
  readonly bytes?: RateOptions;
  /** Live readers that are open at once: long-polls and SSE connections. */
  readonly readers?: number;
  /**
   * Tokens of one address that turn out to be no good. Past that none is verified for it, and only those
   * that were good before are taken: where addresses aren't told apart, they are one. Of an authority that
   * asks for it, as {@link openAuthority}'s does before it looks at a JWT's signature.
   */
  readonly failedTokens?: RateOptions;
}

/** @throws {RangeError} where a limit makes no sense */
export function checkClientLimits(
  limits: ClientLimitOptions | undefined,
): ClientLimitOptions | undefined {
  if (limits === undefined) return undefined;
  const { requests, bytes, readers, failedTokens } = limits;
  checkRate("clientLimits.failedTokens", failedTokens);
  checkRate("clientLimits.requests", requests);
  checkRate("clientLimits.bytes", bytes);
  if (readers !== undefined && !(readers >= 1)) {
    throw new RangeError(`clientLimits.readers is ${readers}: it has to be at least 1.`);
  }
  const isNone = requests === undefined && bytes === undefined && readers === undefined;
  return isNone ? undefined : limits;
}

function checkRate(name: string, rate: RateOptions | undefined): void {
  if (rate === undefined) return;
  const { perSecond, burst = 1 } = rate;
  if (!(perSecond > 0)) {
    throw new RangeError(`${name}.perSecond is ${perSecond}: it has to be more than 0.`);
  }
  if (!(burst >= 1)) throw new RangeError(`${name}.burst is ${burst}: it has to be at least 1.`);
}
