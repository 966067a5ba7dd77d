import { getLogger } from "@logtape/logtape";
import { type Clock, hasPassed } from "../../env/clock.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { isLoopback } from "../../protocol/loopback.ts";
import { AccessError } from "../access_error.ts";
import { type KeySource, matchingKeys, type WantedKey } from "./key_source.ts";
import { parseKeys, type VerifyKey } from "./verify_key.ts";

const log = getLogger(["durable-streams", "access"]);

/** Older keys are fetched anew before they are used. */
const FRESH_MS = 600_000;
/** Between two fetches at least: a stranger's tokens may make no more. */
const BETWEEN_FETCHES_MS = 30_000;
const FETCH_TIMEOUT_MS = 5_000;
const ANSWER_LIMIT_BYTES = 256 * 1024;

/** Fetches a URL: `fetch`, or a test's. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What {@link RemoteKeys} work with. */
export interface RemoteKeysParts {
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Called where other keys than before have come. */
  onChange(): void;
}

/**
 * The JWK set at a URL. It is fetched again once it is ten minutes old, and where a token names a key that
 * isn't in it, at most once in 30 s. Where that fails the last good keys stay.
 */
export class RemoteKeys implements KeySource {
  readonly #url: string;
  readonly #parts: RemoteKeysParts;
  #keys: readonly VerifyKey[] | undefined;
  #text = "";
  #fetchedAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #pending: Promise<void> | undefined;
  /** Whether the last try failed. */
  #isOut = false;
  readonly #closed = new AbortController();

  /** @throws {AccessError} where the URL may not be used */
  constructor(url: string, parts: RemoteKeysParts) {
    this.#url = checkJwksUrl(url);
    this.#parts = parts;
  }

  async keysFor(wanted: WantedKey): Promise<readonly VerifyKey[]> {
    if (hasPassed(FRESH_MS, this.#fetchedAtMs, this.#parts.clock.nowMs())) {
      const refreshed = this.refresh();
      // Through an outage nobody waits for keys that may not come; those who need others do.
      if (!this.#isOut) await refreshed;
    }
    let keys = matchingKeys(this.#keys ?? [], wanted);
    if (keys.length === 0) {
      await this.refresh();
      keys = matchingKeys(this.#keys ?? [], wanted);
    }
    if (this.#keys !== undefined) return keys;
    throw new StreamError(
      { code: "overloaded" },
      "The keys that tokens are verified with couldn't be fetched yet: try again later.",
    );
  }

  /** Fetches the keys, unless that was tried a moment ago; never rejects. */
  refresh(): Promise<void> {
    if (this.#pending !== undefined) return this.#pending;
    const nowMs = this.#parts.clock.nowMs();
    if (!hasPassed(BETWEEN_FETCHES_MS, this.#triedAtMs, nowMs)) return Promise.resolve();
    this.#triedAtMs = nowMs;
    this.#pending = this.#fetch(nowMs).finally(() => this.#pending = undefined);
    return this.#pending;
  }

  close(): void {
    this.#closed.abort();
  }

  async #fetch(nowMs: number): Promise<void> {
    const timeout = new AbortController();
    const cancelTimer = this.#parts.clock.setTimer(FETCH_TIMEOUT_MS, () => timeout.abort());
    const signal = AbortSignal.any([timeout.signal, this.#closed.signal]);
    try {
      const bytes = await fetchBytes(this.#parts.fetch, this.#url, signal);
      const keys = await parseKeys(bytes, `the JWK set at ${this.#url}`, "url");
      const text = JSON.stringify(keys);
      const isOther = text !== this.#text;
      this.#text = text;
      // The same objects as long as they say the same, since imported keys are kept by them.
      if (isOther) this.#keys = keys;
      this.#fetchedAtMs = nowMs;
      this.#isOut = false;
      if (isOther) this.#parts.onChange();
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      this.#isOut = true;
      const why = timeout.signal.aborted
        ? `no answer in ${FETCH_TIMEOUT_MS / 1000} s`
        : error instanceof Error
        ? error.message
        : String(error);
      log.error("the keys of JWTs can't be fetched, the last good ones stay", {
        url: this.#url,
        why,
        keys: this.#keys?.length ?? 0,
      });
    } finally {
      cancelTimer();
    }
  }
}

/**
 * `url` itself where keys may be fetched from there: https, or http on this machine.
 *
 * @throws {AccessError}
 */
export function checkJwksUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isGood = parsed !== undefined && parsed.username === "" && parsed.password === "" &&
    (parsed.protocol === "https:" ||
      parsed.protocol === "http:" && isLoopback(parsed.hostname.replace(/^\[(.*)\]$/, "$1")));
  if (isGood) return url;
  throw new AccessError(
    `The URL of the JWK set is ${
      quote(url)
    }: expected one with https, or with http for this machine.`,
  );
}

async function fetchBytes(fetch: Fetch, url: string, signal: AbortSignal): Promise<Bytes> {
  const response = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    // A redirect could lead anywhere, to http too.
    redirect: "error",
    signal,
  });
  const parts: Bytes[] = [];
  let lengthBytes = 0;
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new AccessError(`the answer's status is ${response.status}`);
  }
  const reader = response.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    lengthBytes += value.length;
    if (lengthBytes > ANSWER_LIMIT_BYTES) {
      await reader.cancel();
      throw new AccessError(`the answer is longer than ${ANSWER_LIMIT_BYTES} bytes`);
    }
    parts.push(value);
  }
  return concatBytes(parts);
}
