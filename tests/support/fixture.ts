import { equal, match, ok } from "node:assert/strict";
import { createApp } from "../../src/server/app.ts";
import type { AppOptions } from "../../src/server/common/options.ts";
import { formatOffset } from "../../src/protocol/offset.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { createMemoryStorage, type MemoryStorageOptions } from "../../src/storage/memory.ts";
import { ManualClock } from "./manual_clock.ts";

/** Header names and values of a request. */
export type Fields = Record<string, string>;

/** A body as `Request` takes it. */
export type Body = BodyInit | undefined;

/** `Content-Type` of a text stream. */
export const TEXT: Fields = { "content-type": "text/plain" };

/** `Content-Type` of a JSON stream. */
export const JSON_TYPE: Fields = { "content-type": "application/json" };

/** `Content-Type` of a stream of bytes. */
export const BINARY: Fields = { "content-type": "application/octet-stream" };

/** `Stream-Closed: true`. */
export const CLOSE: Fields = { "stream-closed": "true" };

/** The three producer headers. */
export function producer(id: string, epoch: number, seq: number): Fields {
  return { "producer-id": id, "producer-epoch": String(epoch), "producer-seq": String(seq) };
}

/** What a {@link Fixture} is made with. */
export interface FixtureOptions extends Partial<AppOptions> {
  memory?: MemoryStorageOptions;
}

/** An app on memory storage whose time stands still until a test moves it. */
export class Fixture {
  readonly clock = new ManualClock();
  readonly storage: Storage;
  readonly app: ReturnType<typeof createApp>;

  constructor({ memory = {}, ...options }: FixtureOptions = {}) {
    this.storage = createMemoryStorage({ clock: this.clock, ...memory });
    // Time stands still: nothing would be sent until a test moves it.
    this.app = createApp({ storage: this.storage, clock: this.clock, livePaceMs: 0, ...options });
  }

  /** Sends a request; `target` is a name with its query, or a path that begins with a slash. */
  async send(method: string, target: string, headers: Fields = {}, body?: Body): Promise<Response> {
    const path = target.startsWith("/") ? target : `/v1/stream/${target}`;
    const init: RequestInit = { method, headers };
    if (body !== undefined) init.body = body;
    return await this.app.request(path, init);
  }

  put(target: string, headers?: Fields, body?: Body): Promise<Response> {
    return this.send("PUT", target, headers, body);
  }

  post(target: string, headers?: Fields, body?: Body): Promise<Response> {
    return this.send("POST", target, headers, body);
  }

  get(target: string, headers?: Fields): Promise<Response> {
    return this.send("GET", target, headers);
  }

  head(target: string): Promise<Response> {
    return this.send("HEAD", target);
  }

  delete(target: string): Promise<Response> {
    return this.send("DELETE", target);
  }

  /** Makes a stream that has to be new; its tail. */
  async make(target: string, headers?: Fields, body?: Body): Promise<string> {
    return tailOf(await this.put(target, headers, body), 201);
  }

  /** Appends, which has to succeed; the new tail. */
  async append(target: string, headers: Fields, body: Body): Promise<string> {
    return tailOf(await this.post(target, headers, body), 204);
  }

  /** The offset of a position in the stream that was made first, or in that of another id. */
  offset(position: number, id = 1): string {
    return formatOffset(parseInt(this.storage.identity, 16) + id, position);
  }

  /** The whole stream as text. */
  async content(target: string): Promise<string> {
    const answer = await this.get(target);
    equal(answer.status, 200);
    return await answer.text();
  }
}

/** The tail that an answer of this status names. */
export function tailOf(answer: Response, status: number): string {
  equal(answer.status, status);
  return header(answer, "stream-next-offset");
}

/** A header that has to be there. */
export function header(answer: Response, name: string): string {
  const value = answer.headers.get(name);
  ok(value !== null, `the answer has a header ${name}`);
  return value;
}

/** Checks that a request was refused in the way that a person and a program can act on. */
export async function expectError(
  answer: Response,
  status: number,
  code: string,
  ...says: RegExp[]
): Promise<void> {
  const text = await answer.text();
  equal(answer.status, status, text);
  equal(answer.headers.get("content-type"), "application/json");
  equal(answer.headers.get("cache-control"), "no-store");
  const { error } = JSON.parse(text);
  equal(error.code, code);
  for (const part of says) match(error.message, part);
  match(error.message, /^\w.+\.$/s);
}

/**
 * Lets all that doesn't wait for the clock run to its end. Nothing here does I/O, so one turn of the
 * event loop is enough: no time has to pass.
 */
export function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Whether a promise is still waiting once everything else has run. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(() => done = true, () => done = true);
  await settle();
  return !done;
}
