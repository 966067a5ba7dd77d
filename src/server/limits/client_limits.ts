import type { Clock } from "../../env/clock.ts";
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
import type { ClientLimitOptions } from "../common/limit_options.ts";
import { ClientAddresses, type ClientAddressesOptions } from "./client_addresses.ts";
import { Client, ClientTable } from "./client_table.ts";
import { CountedBody } from "./counted_body.ts";
import { Elapsed } from "./elapsed.ts";
import { HeldRejections, tooMany } from "./held_rejections.ts";
import { TokenRate } from "./token_rate.ts";

/** So many clients are told apart. */
const CLIENTS = 100_000;
/** When a client may come again that has too many readers: nobody knows when one of them ends. */
const READERS_RETRY_MS = 1000;

/** What {@link ClientLimits} are made of. */
export interface ClientLimitsParts extends ClientAddressesOptions {
  readonly limits: ClientLimitOptions;
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
  readonly #addresses: ClientAddresses;
  readonly #byAddress = new ClientTable(CLIENTS);
  readonly #bySubject = new ClientTable(CLIENTS);
  readonly #requests: TokenRate | undefined;
  readonly #bytes: TokenRate | undefined;
  readonly #readers: number | undefined;
  readonly #rejections: HeldRejections;
  readonly #elapsed: Elapsed;
  readonly #openBodies = new WeakMap<HttpRequest, OpenBody>();

  constructor(parts: ClientLimitsParts) {
    const { limits, clock, counters, maxAppendBytes } = parts;
    this.#counters = counters;
    this.#maxAppendBytes = maxAppendBytes;
    this.#addresses = new ClientAddresses(parts);
    this.#requests = limits.requests && new TokenRate(limits.requests);
    this.#bytes = limits.bytes && new TokenRate(limits.bytes);
    this.#readers = limits.readers;
    this.#rejections = new HeldRejections(clock);
    this.#elapsed = new Elapsed(clock);
  }

  /** How many clients are kept. */
  get size(): number {
    return this.#byAddress.size + this.#bySubject.size;
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

  #counted(client: Client, request: HttpRequest, respond: Respond): Respond {
    const respondCounted = this.#bytes === undefined
      ? respond
      : this.#countLater(this.#bytes, client, request, respond);
    if (this.#readers === undefined || !isLiveRead(request)) return respondCounted;
    client.readers++;
    let isOpen = true;
    const close = () => {
      if (isOpen) client.readers--;
      isOpen = false;
    };
    return (response) => {
      const { body } = response;
      if (isLiveBody(body)) {
        return respondCounted({ ...response, body: new CountedBody(body, close) });
      }
      close();
      respondCounted(response);
    };
  }

  /** What is known only later is taken from a client that stays as long. */
  #countLater(rate: TokenRate, client: Client, request: HttpRequest, respond: Respond): Respond {
    const isRead = request.method === "GET";
    if (!isRead && !this.#openBodies.has(request)) return respond;
    client.uncounted++;
    return (response) => {
      client.uncounted--;
      if (isRead) {
        const bytes = lengthOf(response.body);
        client.fetchedFullAtMs = rate.take(client.fetchedFullAtMs, bytes, this.#elapsed.ms());
      }
      respond(response);
    };
  }
}

function isLiveRead({ method, url }: HttpRequest): boolean {
  if (method !== "GET") return false;
  const query = url.indexOf("?");
  if (query < 0) return false;
  if (url.includes("live=", query)) return true;
  // A name may be percent-encoded, in part as well.
  return url.includes("%", query) && new URLSearchParams(url.slice(query)).has("live");
}

/** The bytes of a response that is there; of a live one, those that come later don't count. */
function lengthOf(body: ResponseBody): number {
  if (body === null || isLiveBody(body)) return 0;
  if (typeof body === "string") return body.length;
  if (isSliceBody(body)) return bodyLength(body.slice) + body.before.length + body.after.length;
  return bodyLength(body);
}
