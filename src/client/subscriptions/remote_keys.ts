import type { Clock } from "../../env/clock.ts";
import { decodeUtf8 } from "../../protocol/bytes.ts";
import { MalformedResponse } from "../errors/malformed_response.ts";
import { ofRequest } from "../errors/client_error.ts";
import { responseError } from "../transport/response_error.ts";
import { withRetry } from "../transport/retry.ts";
import {
  fetchTransport,
  type FetchTransportOptions,
  type TransportRequest,
  type TransportResponse,
} from "../transport/transport.ts";
import { findKey, isJwkSet, type Jwk, type JwkSet } from "./jwk_set.ts";

/** How long keys are kept if the response doesn't say; it is what servers of the protocol say. */
const DEFAULT_AGE_MS = 300_000;
const LONGEST_AGE_MS = 24 * 3_600_000;
/** Anybody can send an unknown key's id: a set isn't fetched again sooner. */
const REFETCH_MS = 5_000;
const TIMEOUT_MS = 10_000;
/** A server repeats a webhook that isn't answered in time, so that there is no use in waiting for long. */
const RETRY_MS = 5_000;

/** A set of keys at a URL, kept for as long as its response allows. */
export class RemoteKeys {
  readonly #url: string;
  readonly #fetch: FetchTransportOptions["fetch"];
  #set: JwkSet | undefined;
  #fetchedMs = -Infinity;
  #freshUntilMs = -Infinity;
  #pending: Promise<void> | undefined;

  constructor(url: string, fetch: FetchTransportOptions["fetch"]) {
    this.#url = url;
    this.#fetch = fetch;
  }

  /**
   * The key of this id. For an unknown one the set is fetched again: the server may have a new key.
   *
   * @throws {ClientError} if it can't be fetched
   */
  async find(kid: string, clock: Clock): Promise<Jwk | undefined> {
    if (clock.nowMs() >= this.#freshUntilMs) await this.#refresh(clock);
    const found = this.#find(kid);
    if (found !== undefined || clock.nowMs() - this.#fetchedMs < REFETCH_MS) return found;
    await this.#refresh(clock);
    return this.#find(kid);
  }

  #find(kid: string): Jwk | undefined {
    return this.#set === undefined ? undefined : findKey(this.#set, kid);
  }

  #refresh(clock: Clock): Promise<void> {
    this.#pending ??= this.#load(clock).finally(() => this.#pending = undefined);
    return this.#pending;
  }

  async #load(clock: Clock): Promise<void> {
    const request: TransportRequest = {
      method: "GET",
      url: this.#url,
      headers: {},
      body: undefined,
      signal: undefined,
      timeoutMs: TIMEOUT_MS,
      streaming: false,
      repeatable: true,
    };
    const transport = withRetry({ clock, maxElapsedMs: RETRY_MS })(
      fetchTransport({ fetch: this.#fetch, clock }),
    );
    const startMs = clock.nowMs();
    const response = await transport(request);
    if (response.status !== 200) {
      throw ofRequest(responseError(request, response, clock.nowMs()), request);
    }
    this.#set = keysIn(response, request);
    this.#fetchedMs = startMs;
    this.#freshUntilMs = startMs + Math.max(REFETCH_MS, ageMs(response.headers));
  }
}

function keysIn({ body }: TransportResponse, request: TransportRequest): JwkSet {
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(body));
  } catch {
    // Rejected below, like any JSON without keys.
  }
  if (isJwkSet(value)) return value;
  throw ofRequest(new MalformedResponse("The answer is no JWK Set."), request);
}

/** How long the response stays fresh (RFC 9111 §4.2). */
function ageMs(headers: Headers): number {
  const control = headers.get("cache-control") ?? "";
  if (/\bno-(?:store|cache)\b/i.test(control)) return 0;
  const [, maxAge] = /\bmax-age=(\d+)/i.exec(control) ?? [];
  if (maxAge === undefined) return DEFAULT_AGE_MS;
  const age = Number(/^\d+$/.exec(headers.get("age") ?? "")?.[0] ?? 0);
  return Math.min(LONGEST_AGE_MS, (Number(maxAge) - age) * 1_000);
}
