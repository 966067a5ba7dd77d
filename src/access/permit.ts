/** What a request was let in by: who asks, and what they may do. The same object for the same token. */
export interface Permit {
  /** Who asks, as logs and limits name them: a token's subject. */
  readonly subject: string;
  /** What they may do, one grant a line: `read,append chats/u1/**`. */
  readonly grants: readonly string[];
  /** When that ends, in milliseconds since 1970. Default: never. */
  readonly expiresAtMs?: number;
  /** Aborted where it ends before: the token was revoked. */
  readonly signal?: AbortSignal;
  /**
   * What a subscription keeps of its creator, for {@link Authority.permitOf} at each wake. Default: nothing,
   * and then a subscription lives by itself.
   */
  readonly creator?: string;
}

/** The part of a request that decides who asks. */
export interface Credentials {
  readonly method: string;
  /** Absolute, as the client asked for it. */
  readonly url: string;
  readonly headers: { get(name: string): string | null };
}

/** Does what costs much, or throws because too much of that came to nothing. */
export type Verifying = (verify: () => Promise<Permit>) => Promise<Permit>;

/**
 * Says who asks: their permit, or `undefined` where they show nothing (401). Called for each request, before
 * anything is looked up. What it has to find out by much work, such as whether a signature is good, it may
 * do by way of `verifying`, which limits how often that fails (`clientLimits.failedTokens`).
 *
 * @throws {StreamError} `token_invalid` or `token_expired` for what is shown and no good (401)
 */
export type Authorize = (
  request: Credentials,
  verifying?: Verifying,
) => Permit | undefined | Promise<Permit | undefined>;

/** Says who asks, and what whoever once made a subscription may do now. */
export interface Authority {
  readonly authorize: Authorize;
  /** By a permit's `creator`; `undefined` where they may do nothing any more. */
  permitOf?(creator: string): Permit | undefined | Promise<Permit | undefined>;
  /**
   * The `Set-Cookie` that shows, for the pages of the server's own origin, what this request shows by a header
   * or a link; `undefined` where it is too long for a cookie.
   *
   * @param path the path that the cookie is sent below
   * @throws {StreamError} `unauthenticated` where the request shows neither, else as {@link Authorize}
   */
  startSession?(request: Credentials, path: string): Promise<string | undefined>;
  /**
   * A link to a stream that lets whoever has it read that stream until it expires; `undefined` where it signs
   * none.
   *
   * @param url the stream's
   * @throws {RangeError} where the time is longer than a link may live
   */
  signLink?(url: string, name: string, expiresInMs: number): string | undefined;
  /** Whether it does. */
  readonly signsLinks?: boolean;
  /** Ends what it watches. */
  close?(): void;
}
