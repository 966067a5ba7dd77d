import type { Clock } from "../../../src/env/clock.ts";
import { matchesEtag } from "../../../src/protocol/etag.ts";
import { only } from "./body.ts";
import type { CacheUse, ProxyRequest } from "./exchange_log.ts";
import type { ProxyResponse } from "./upstream.ts";
import { type Field, fieldOf, readAll } from "./wire.ts";

/** An answer out of a cache or through it. */
export interface CachedResponse {
  readonly use: CacheUse;
  readonly response: ProxyResponse;
}

/** Asks the server: for the client that waits, or in the background for the next one. */
export type Forward = (forWhom: "client" | "next") => Promise<ProxyResponse>;

interface Entry {
  readonly response: Omit<ProxyResponse, "body">;
  readonly body: Uint8Array;
  readonly storedAtMs: number;
  readonly freshMs: number;
  readonly staleMs: number;
}

/**
 * A shared cache as RFC 9111 allows it, which does all that it may: it keeps a GET's 200 by path and
 * query for `s-maxage` or `max-age`, serves it stale within `stale-while-revalidate` while it asks
 * again, answers `If-None-Match` by itself, and lets identical GETs at the same time wait for one. What
 * is for pages of different origins it keeps apart. It doesn't keep `no-store`, `no-cache`, `private`, a
 * `Vary` of anything else but encodings, or event streams, and lets requests pass that are authorized or
 * say `no-cache` or `no-store`.
 */
export class SharedCache {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #pending = new Map<string, Promise<Entry | undefined>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is kept, or what the server says, which is kept then where it may be. */
  async respond(request: ProxyRequest, ask: Forward): Promise<CachedResponse> {
    if (!mayBeCached(request)) return { use: "bypass", response: await ask("client") };
    const key = `${request.target} ${request.headers.get("origin")}`;
    const stored = this.#entries.get(key);
    const ageMs = this.#clock.nowMs() - (stored?.storedAtMs ?? 0);
    if (stored !== undefined && ageMs < stored.freshMs) return this.#out("hit", stored, request);
    if (stored !== undefined && ageMs < stored.freshMs + stored.staleMs) {
      if (!this.#pending.has(key)) this.#load(key, ask("next")).catch(() => {});
      return this.#out("stale", stored, request);
    }
    const collapsed = await this.#pending.get(key);
    if (collapsed !== undefined) return this.#out("collapsed", collapsed, request);
    const loaded = await this.#load(key, ask("client"));
    return "storedAtMs" in loaded
      ? this.#out("miss", loaded, request)
      : { use: "miss", response: loaded };
  }

  /** Keeps what comes where that is allowed; those who come meanwhile wait for it. */
  async #load(key: string, asked: Promise<ProxyResponse>): Promise<Entry | ProxyResponse> {
    const { promise, resolve } = Promise.withResolvers<Entry | undefined>();
    if (!this.#pending.has(key)) this.#pending.set(key, promise);
    let entry: Entry | undefined;
    try {
      const answer = await asked;
      const lifetime = lifetimeOf(answer);
      if (lifetime === undefined) return answer;
      const { body, ...rest } = answer;
      const bytes = await readAll(body);
      entry = {
        response: { ...rest, framing: bytes.length },
        body: bytes,
        storedAtMs: this.#clock.nowMs(),
        ...lifetime,
      };
      this.#entries.set(key, entry);
      return entry;
    } finally {
      if (this.#pending.get(key) === promise) this.#pending.delete(key);
      resolve(entry);
    }
  }

  #out(use: CacheUse, entry: Entry, request: ProxyRequest): CachedResponse {
    const ageSeconds = Math.floor((this.#clock.nowMs() - entry.storedAtMs) / 1000);
    const fields: Field[] = [...entry.response.fields, ["age", String(ageSeconds)]];
    const etag = fieldOf(fields, "etag");
    const ifNoneMatch = request.headers.get("if-none-match");
    const isKnown = etag !== undefined && ifNoneMatch !== null && matchesEtag(ifNoneMatch, etag);
    const response: ProxyResponse = isKnown
      ? { ...entry.response, status: 304, reason: "", fields, framing: 0, body: only() }
      : { ...entry.response, fields, body: only(entry.body) };
    return { use, response };
  }
}

function mayBeCached({ method, headers }: ProxyRequest): boolean {
  const control = headers.get("cache-control") ?? "";
  return method === "GET" && !headers.has("authorization") && !/no-(?:cache|store)/i.test(control);
}

/** How long an answer may be kept; undefined where it may not be. */
function lifetimeOf(answer: ProxyResponse): { freshMs: number; staleMs: number } | undefined {
  const control = (fieldOf(answer.fields, "cache-control") ?? "").toLowerCase();
  const vary = fieldOf(answer.fields, "vary") ?? "";
  const isEventStream = fieldOf(answer.fields, "content-type")?.startsWith("text/event-stream");
  if (answer.status !== 200 || isEventStream || /no-store|no-cache|private/.test(control)) return;
  if (!/^(?:\s*(?:accept-encoding|origin)\s*,?)*$/i.test(vary)) return;
  const freshMs = msOf(control, "s-maxage") ?? msOf(control, "max-age") ?? 0;
  const staleMs = msOf(control, "stale-while-revalidate") ?? 0;
  return freshMs + staleMs > 0 ? { freshMs, staleMs } : undefined;
}

function msOf(control: string, directive: string): number | undefined {
  const seconds = new RegExp(`(?:^|[\\s,])${directive}=(\\d+)`).exec(control)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
