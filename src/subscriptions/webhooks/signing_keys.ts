import { randomBytes } from "node:crypto";
import type { Clock } from "../../env/clock.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { StreamError } from "../../protocol/errors.ts";
import { REPLAY_WINDOW_SECONDS } from "../../protocol/webhook_signature.ts";
import { type KeyPair, keyPairOf, type PublicJwk, SEED_BYTES } from "./ed25519.ts";
import type { SecretStore } from "../../storage/subscription_store.ts";
import { decodeKeys, encodeKeys, SECRET_BYTES, type StoredKey } from "./keys_codec.ts";
import type { SigningKey } from "./signature.ts";

/** How long receivers may keep the JWK Set, as `Cache-Control` says (PROTOCOL §6.5). */
export const JWKS_MAX_AGE_SECONDS = 300;

const MAX_AGE_MS = JWKS_MAX_AGE_SECONDS * 1000;

/** How long a key is published once it signs no more: for what it signed last. */
const PUBLISHED_AFTER_MS = MAX_AGE_MS + REPLAY_WINDOW_SECONDS * 1000;

/** A JSON Web Key Set (PROTOCOL §6.5). */
export interface JwkSet {
  readonly keys: readonly PublicJwk[];
}

/** When a rotation's key begins to sign, and which it is. */
export interface Rotation {
  readonly kid: string;
  /** Milliseconds since 1970. */
  readonly signsFromMs: number;
}

/** A stored key, ready to be used. */
interface Key extends StoredKey, KeyPair {}

/**
 * The keys that webhooks are signed with, and the secret of the tokens. A new key is published for as
 * long as receivers may keep an older set, and only then signs; the old one stays published until
 * nothing that it signed is accepted any more.
 */
export class SigningKeys {
  /** What tokens are signed with. */
  readonly tokenSecret: Bytes;
  readonly #store: SecretStore;
  readonly #clock: Clock;
  /** Oldest first, at least one. */
  #keys: readonly Key[];
  #isRotating = false;

  private constructor(
    store: SecretStore,
    clock: Clock,
    tokenSecret: Bytes,
    keys: readonly StoredKey[],
  ) {
    this.#store = store;
    this.#clock = clock;
    this.tokenSecret = tokenSecret;
    this.#keys = keys.map(withPair);
    store.watch?.((bytes) => this.#keys = decodeKeys(bytes).keys.map(withPair));
  }

  /**
   * Loads the keys. Where there are none, makes the first, which signs at once, and the secret.
   *
   * @throws {StreamError} `damaged` where they can't be read, or what the store throws
   */
  static async open(store: SecretStore, clock: Clock): Promise<SigningKeys> {
    const bytes = store.load();
    if (bytes !== undefined) {
      const { tokenSecret, keys } = decodeKeys(bytes);
      return new SigningKeys(store, clock, tokenSecret, keys);
    }
    const tokenSecret = new Uint8Array(randomBytes(SECRET_BYTES));
    const keys = [newKey(clock.nowMs())];
    const made = encodeKeys({ tokenSecret, keys });
    if (store.saveFirst !== undefined) {
      const { tokenSecret, keys } = decodeKeys(await store.saveFirst(made));
      return new SigningKeys(store, clock, tokenSecret, keys);
    }
    await store.save(made);
    return new SigningKeys(store, clock, tokenSecret, keys);
  }

  /** The key to sign with now: the newest whose time has come, also where the clock was put back. */
  active(): SigningKey {
    const nowMs = this.#clock.nowMs();
    const [oldest, ...newer] = this.#keys;
    if (oldest === undefined) throw new Error("There is always a key.");
    const { jwk, privateKey } = newer.findLast(({ signsFromMs }) => signsFromMs <= nowMs) ?? oldest;
    return { kid: jwk.kid, privateKey };
  }

  /** The public keys: the one that signs, the next one, and old ones (PROTOCOL §6.5). */
  jwks(): JwkSet {
    return { keys: this.#published().map(({ jwk }) => jwk) };
  }

  /**
   * Makes a new key and publishes it at once; it begins to sign after {@link JWKS_MAX_AGE_SECONDS}.
   *
   * @throws {StreamError} `key_rotation_pending` while an earlier one waits for that, or what the
   * store throws, after which everything is as before
   */
  async rotate(): Promise<Rotation> {
    const nowMs = this.#clock.nowMs();
    const before = this.#published();
    const newest = before.at(-1);
    if (newest === undefined) throw new Error("There is always a key.");
    if (this.#isRotating || newest.signsFromMs > nowMs) throw pending(newest.signsFromMs);
    const next = withPair(newKey(nowMs + MAX_AGE_MS));
    const replaced = { ...newest, signsUntilMs: next.signsFromMs };
    // Published before it is stored: whoever keeps the set from now on has it in time.
    this.#keys = [...before.slice(0, -1), replaced, next];
    this.#isRotating = true;
    try {
      await this.#store.save(encodeKeys({ tokenSecret: this.tokenSecret, keys: this.#keys }));
    } catch (error) {
      this.#keys = before;
      throw error;
    } finally {
      this.#isRotating = false;
    }
    return { kid: next.jwk.kid, signsFromMs: next.signsFromMs };
  }

  /** Those whose time isn't over, of which the newest always is one. */
  #published(): readonly Key[] {
    const nowMs = this.#clock.nowMs();
    return this.#keys.filter(({ signsUntilMs }) =>
      signsUntilMs === undefined || nowMs < signsUntilMs + PUBLISHED_AFTER_MS
    );
  }
}

function newKey(signsFromMs: number): StoredKey {
  const seed = new Uint8Array(randomBytes(SEED_BYTES));
  return { seed, signsFromMs, signsUntilMs: undefined };
}

function withPair(key: StoredKey): Key {
  return { ...key, ...keyPairOf(key.seed) };
}

function pending(signsFromMs: number): StreamError {
  const when = new Date(signsFromMs).toISOString();
  return new StreamError(
    { code: "key_rotation_pending" },
    `The key of the last rotation begins to sign at ${when}: rotate again after that. Until then ` +
      "receivers may have a key set without it.",
  );
}
