import type { AccessRule } from "./access_rule.ts";

/** How many verdicts about tokens are kept unless it is said otherwise. */
export const DEFAULT_MAX_VERDICTS = 10_000;
/** How far clocks may be apart unless it is said otherwise. */
export const DEFAULT_CLOCK_TOLERANCE_MS = 5_000;

/** How access is controlled: by at least one of tokens, JWTs and links. Plain data. */
export interface AccessSettings {
  /** The path of a token file, as `durable-streams token create` makes it. */
  readonly tokens?: string;
  readonly jwt?: JwtSettings;
  /** What JWTs are granted beside what they say themselves. */
  readonly rules?: readonly AccessRule[];
  /** The path of a link key file, which is made where there is none. */
  readonly linkKey?: string;
  /** How many verdicts about tokens and links are kept; 10,000. */
  readonly maxVerdicts?: number;
}

/** Whose JWTs are taken. */
export interface JwtSettings {
  /** The path of a file with the keys: a JWK, a JWK set or PEM. Either this or {@link jwksUrl}. */
  readonly keyFile?: string;
  /** The URL of a JWK set. */
  readonly jwksUrl?: string;
  /** What `aud` has to be or hold. */
  readonly audience: string;
  /** What `iss` has to be; unless given it isn't looked at. */
  readonly issuer?: string;
  /** How far the clocks of who makes tokens may be from this one's; 5 s. */
  readonly clockToleranceMs?: number;
}
