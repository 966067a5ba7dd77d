import type { VerifyKey } from "./verify_key.ts";

/** What a token says of the key that it wants. */
export interface WantedKey {
  readonly alg: string;
  readonly kid: string | undefined;
}

/** Where the keys of JWTs come from. */
export interface KeySource {
  /**
   * The keys that may have signed such a token; none where no key is for it.
   *
   * @throws {StreamError} `overloaded` where no keys could be fetched yet
   */
  keysFor(wanted: WantedKey): Promise<readonly VerifyKey[]>;
  close(): void;
}

/** Those of the keys that are for the algorithm, and of this id where both have one. */
export function matchingKeys(
  keys: readonly VerifyKey[],
  { alg, kid }: WantedKey,
): readonly VerifyKey[] {
  return keys.filter((key) =>
    key.algorithms.includes(alg) &&
    (kid === undefined || key.kid === undefined || key.kid === kid)
  );
}
