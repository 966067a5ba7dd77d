import type { Clock } from "../../env/clock.ts";
import { DeadlineQueue } from "../../env/deadline_queue.ts";
import { bodyLength } from "../../env/file_body.ts";
import {
  type HttpRequest,
  type HttpResponse,
  isLiveBody,
  isSliceBody,
  type Respond,
  type ResponseBody,
} from "../../http/handler.ts";
import type { StreamError } from "../../protocol/errors.ts";
import type { Counters } from "../common/counters.ts";
import type { ClientLimitOptions, RateOptions } from "../common/limit_options.ts";
import { isLiveRead } from "../common/live_read.ts";
import { ClientAddresses, type ClientAddressesOptions } from "./client_addresses.ts";
import { Client, ClientTable } from "./client_table.ts";
import { type BodyClient, CountedBody } from "./counted_body.ts";
import { Elapsed } from "./elapsed.ts";
import { HeldRejections, tooMany } from "./held_rejections.ts";
import { TokenRate } from "./token_rate.ts";

/** So many clients are told apart. */
const CLIENTS = 100_000;
/** When a client may come again that has too many readers: nobody knows when one of them ends. */
const READERS_RETRY_MS = 1000;

/** Readers that are held are looked at again after so many ticks at most. */
const HELD_TICKS = 10;
const TICK_MS = 100;

/** What may change of {@link ClientLimits}. */
export interface ClientLimitsOptions extends ClientAddressesOptions {
  readonly limits: ClientLimitOptions;
}

/** What {@link ClientLimits} are made of. */
export interface ClientLimitsParts extends ClientLimitsOptions {
  readonly clock: Clock;
  readonly counters: Counters;
  /** Longer bodies are refused by themselves, whatever length they tell. */
  readonly maxAppendBytes: number;
}

/** A body whose length is known only when all of it is here, and what of it counts already. */
interface OpenBody {
  readonly client: Client;
  readonly countedBytes: number;
}

/**
 * What each client may do: lets requests in, or refuses them with `too_many_requests`. A client is who a
 * permit says asks, else an address. One that goes on after rejections is answered late, so that to refuse
 * it costs the others next to nothing.
 */
export class ClientLimits {
  readonly #counters: Counters;
  readonly #maxAppendBytes: number;
  #addresses: ClientAddresses;
  readonly #byAddress = new ClientTable(CLIENTS);
  readonly #bySubject = new ClientTable(CLIENTS);
  #requests: TokenRate | undefined;
  #bytes: TokenRate | undefined;
  /** Those that buckets were last filled by. */
  #lastRequests: TokenRate | undefined;
  #lastBytes: TokenRate | undefined;
  #readers: number | undefined;
  readonly #rejections: HeldRejections;
  readonly #elapsed: Elapsed;
  /** Live readers that wait until their client may have more. */
  readonly #held: DeadlineQueue;
  readonly #openBodies = new WeakMap<HttpRequest, OpenBody>();
  #turnMs: number | undefined;

  constructor(parts: ClientLimitsParts) {
    const { limits, clock, counters, maxAppendBytes } = parts;
    this.#counters = counters;
    this.#maxAppendBytes = maxAppendBytes;
    this.#addresses = new ClientAddresses(parts);
    this.#lastRequests = this.#requests = rateOf(limits.requests);
    this.#lastBytes = this.#bytes = rateOf(limits.bytes);
    this.#readers = limits.readers;
    this.#rejections = new HeldRejections(clock);
    this.#elapsed = new Elapsed(clock);
    this.#held = new DeadlineQueue(clock, TICK_MS);
  }

  /** How many clients are kept. */
  get size(): number {
    return this.#byAddress.size + this.#bySubject.size;
  }

  /**
   * Looks at other limits and changes nothing.
   *
   * @returns puts them in place; what clients have spent stays spent
   * @throws {RangeError} where a proxy's address is none
   */
  prepare(options: ClientLimitsOptions): () => void {
    const { requests, bytes, readers } = options.limits;
    const [requestRate, byteRate] = [rateOf(requests), rateOf(bytes)];
    const addresses = new ClientAddresses(options);
    return () => {
      this.#convertBuckets(requestRate, byteRate);
      this.#requests = requestRate;
      this.#bytes = byteRate;
      this.#lastRequests = requestRate ?? this.#lastRequests;
      this.#lastBytes = byteRate ?? this.#lastBytes;
      this.#readers = readers;
      this.#addresses = addresses;
    };
  }

  #convertBuckets(requests: TokenRate | undefined, bytes: TokenRate | undefined): void {
    const nowMs = this.#elapsed.ms();
    const convert = (fullAtMs: number, from?: TokenRate, to?: TokenRate) =>
      from === undefined || to === undefined ? fullAtMs : from.convert(fullAtMs, nowMs, to);
    for (const table of [this.#byAddress, this.#bySubject]) {
      for (const client of table.all()) {
        client.requestsFullAtMs = convert(client.requestsFullAtMs, this.#lastRequests, requests);
        client.sentFullAtMs = convert(client.sentFullAtMs, this.#lastBytes, bytes);
        client.fetchedFullAtMs = convert(client.fetchedFullAtMs, this.#lastBytes, bytes);
      }
    }
  }

  /**
   * Counts a request, and hands it on, or refuses it.
   *
   * @param subject who asks, where a permit says so
   * @param next gets the request's way back
   * @param responseOf the response of a rejection
   */
  admit(
    request: HttpRequest,
    subject: string | undefined,
    respond: Respond,
    next: (respond: Respond) => void,
    responseOf: (rejection: StreamError) => HttpResponse,
  ): void {
    const nowMs = this.#elapsed.ms();
    const client = subject === undefined
      ? this.#clientAt(request, nowMs)
      : this.#bySubject.of(subject, nowMs);
    const rejection = this.#countRequest(client, nowMs) ??
      this.#checkBytes(client, request, nowMs) ??
      this.#checkReaders(client, request);
    if (rejection !== undefined) {
      this.#counters.refusedRequests++;
      return this.#rejections.add(client, nowMs, () => respond(responseOf(rejection)));
    }
    next(this.#counted(client, request, respond));
  }

  /** A request's whole body is here, of so many bytes once it is decoded. */
  received(request: HttpRequest, bytes: number): void {
    const open = this.#openBodies.get(request);
    if (open === undefined || this.#bytes === undefined) return;
    this.#openBodies.delete(request);
    const { client, countedBytes } = open;
    const more = Math.max(0, bytes - countedBytes);
    client.sentFullAtMs = this.#bytes.take(client.sentFullAtMs, more, this.#elapsed.ms());
  }

  #clientAt(request: HttpRequest, nowMs: number): Client {
    const peer = this.#addresses.isByConnection ? request.peer : undefined;
    const known = peer?.client;
    if (known instanceof Client && !known.isDropped) return known;
    const client = this.#byAddress.of(this.#addresses.keyOf(request), nowMs);
    if (peer !== undefined) peer.client = client;
    return client;
  }

  #countRequest(client: Client, nowMs: number): StreamError | undefined {
    const rate = this.#requests;
    if (rate === undefined) return undefined;
    const waitMs = rate.waitMs(client.requestsFullAtMs, nowMs);
    if (waitMs > 0) {
      return tooMany(
        waitMs,
        `A client may send ${rate.perSecond} requests a second, ${rate.burst} at once (client-requests)`,
      );
    }
    client.requestsFullAtMs = rate.take(client.requestsFullAtMs, 1, nowMs);
    return undefined;
  }

  #checkBytes(client: Client, request: HttpRequest, nowMs: number): StreamError | undefined {
    const rate = this.#bytes;
    if (rate === undefined) return undefined;
    const { method } = request;
    const isRead = method === "GET";
    if (!isRead && method !== "POST" && method !== "PUT") return undefined;
    const waitMs = rate.waitMs(isRead ? client.fetchedFullAtMs : client.sentFullAtMs, nowMs);
    if (waitMs > 0) {
      return tooMany(
        waitMs,
        `A client may ${
          isRead ? "fetch" : "send"
        } ${rate.perSecond} bytes a second, ${rate.burst} at ` +
          "once (client-bytes)",
      );
    }
    if (!isRead) this.#countBody(rate, client, request, nowMs);
    return undefined;
  }

  /** By its declared length, before any of it is read: bodies at the same time are all counted. */
  #countBody(rate: TokenRate, client: Client, request: HttpRequest, nowMs: number): void {
    const { headers } = request;
    const declared = headers.get("content-length");
    const length = Number(declared ?? 0);
    const countedBytes = length > 0 ? Math.min(length, this.#maxAppendBytes) : 0;
    client.sentFullAtMs = rate.take(client.sentFullAtMs, countedBytes, nowMs);
    if (declared === null || headers.get("content-encoding") !== null) {
      this.#openBodies.set(request, { client, countedBytes });
    }
  }

  #checkReaders(client: Client, request: HttpRequest): StreamError | undefined {
    const limit = this.#readers;
    if (limit === undefined || client.readers < limit || !isLiveRead(request)) return undefined;
    return tooMany(
      READERS_RETRY_MS,
      `A client may have ${limit} live readers open (client-readers), and this one has`,
    );
  }

  /** Readers count also where they aren't limited: they may be before they end. */
  #counted(client: Client, request: HttpRequest, respond: Respond): Respond {
    const respondCounted = this.#countLater(client, request, respond);
    if (!isLiveRead(request)) return respondCounted;
    client.readers++;
    let isOpen = true;
    const close = () => {
      if (isOpen) client.readers--;
      isOpen = false;
    };
    return (response) => {
      const { body } = response;
      if (isLiveBody(body)) {
        const counted = new CountedBody(body, this.#bodyClient(client, close));
        return respondCounted({ ...response, body: counted });
      }
      close();
      respondCounted(response);
    };
  }

  #bodyClient(client: Client, ended: () => void): BodyClient {
    return {
      take: (bytes) => {
        if (this.#bytes !== undefined) this.#takeFetched(client, bytes, this.#nowOfTurnMs());
      },
      waitMs: () => this.#waitMs(client),
      expireIn: (deadline, ms) => {
        // Looked at again by then: another reader of the client may have got it all.
        this.#held.add(deadline, Math.min(Math.ceil(ms / TICK_MS), HELD_TICKS));
      },
      ended,
    };
  }

  #waitMs({ fetchedFullAtMs }: Client): number {
    const rate = this.#bytes;
    // One that may have more as far as is known has no less by now: the clock needn't be looked at.
    if (rate === undefined || rate.waitMs(fetchedFullAtMs, this.#elapsed.lastMs) === 0) return 0;
    return rate.waitMs(fetchedFullAtMs, this.#elapsed.ms());
  }

  #takeFetched(client: Client, bytes: number, nowMs: number): void {
    const rate = this.#bytes;
    if (rate === undefined) return;
    client.fetchedFullAtMs = rate.take(client.fetchedFullAtMs, bytes, nowMs);
  }

  /** What is known only later is taken from a client that stays as long. */
  #countLater(client: Client, request: HttpRequest, respond: Respond): Respond {
    if (this.#bytes === undefined) return respond;
    const isRead = request.method === "GET";
    if (!isRead && !this.#openBodies.has(request)) return respond;
    client.uncounted++;
    return (response) => {
      client.uncounted--;
      if (isRead) this.#takeFetched(client, lengthOf(response.body), this.#elapsed.ms());
      respond(response);
    };
  }

  /** The same time for all that is pushed at once: thousands of looks at the clock would take a while. */
  #nowOfTurnMs(): number {
    if (this.#turnMs !== undefined) return this.#turnMs;
    queueMicrotask(() => this.#turnMs = undefined);
    return this.#turnMs = this.#elapsed.ms();
  }
}

function rateOf(options: RateOptions | undefined): TokenRate | undefined {
  return options && new TokenRate(options);
}

/** The bytes of a response that is there; those of a live one count as they go. */
function lengthOf(body: ResponseBody): number {
  if (body === null || isLiveBody(body)) return 0;
  if (typeof body === "string") return body.length;
  if (isSliceBody(body)) return bodyLength(body.slice) + body.before.length + body.after.length;
  return bodyLength(body);
}
