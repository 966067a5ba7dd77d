import { fail } from "node:assert/strict";
import { Client, type ClientOptions } from "../../../src/client/client.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { Fixture, type FixtureOptions, settle } from "../fixture.ts";
import { ManualClock } from "../manual_clock.ts";

const STEPS_LIMIT = 500;

type Send = (url: string, init: RequestInit) => Response | Promise<Response>;

/** What a scripted server gives to one request. */
export type ResponseScript = Response | Promise<Response> | ((init: RequestInit) => ResponseScript);

/** The real app in memory, a client of it on the same manual clock, and what was asked. */
export class AppKit extends Fixture {
  /** Method, name and query of each request. */
  readonly requests: string[] = [];
  readonly client: Client;

  /** @param way what stands between the client and the app */
  constructor(
    options: FixtureOptions = {},
    clientOptions: ClientOptions = {},
    way: (send: Send) => Send = (send) => send,
  ) {
    super(options);
    const send: Send = (url: string, init: RequestInit) => {
      this.requests.push(nameOf(url, init));
      return this.app.request(url, init);
    };
    this.client = clientOver(way(send), this.clock, clientOptions);
  }

  /** Moves the clock on by steps until `promise` settles. */
  until<T>(promise: Promise<T>, stepMs?: number): Promise<T> {
    return untilSettled(this.clock, promise, stepMs);
  }
}

/** A server that answers by a script, and a client of it on a manual clock. */
export class ScriptKit {
  readonly clock = new ManualClock();
  readonly requests: string[] = [];
  readonly client: Client;

  constructor(answers: ResponseScript[], clientOptions: ClientOptions = {}) {
    const fetch = (url: string, init: RequestInit) => {
      this.requests.push(nameOf(url, init));
      let answer = answers.shift();
      if (answer === undefined) fail(`nobody expected ${this.requests.at(-1)}`);
      while (typeof answer === "function") answer = answer(init);
      return answer;
    };
    this.client = clientOver(fetch, this.clock, clientOptions);
  }

  /** Moves the clock on by steps until `promise` settles. */
  until<T>(promise: Promise<T>, stepMs?: number): Promise<T> {
    return untilSettled(this.clock, promise, stepMs);
  }
}

/** Moves the clock on by steps until `promise` settles, and gives what it comes to. */
export async function untilSettled<T>(
  clock: ManualClock,
  promise: Promise<T>,
  stepMs = 1_000,
): Promise<T> {
  let isSettled = false;
  promise.then(() => isSettled = true, () => isSettled = true);
  for (let step = 0; step < STEPS_LIMIT; step++) {
    await settle();
    if (isSettled) return await promise;
    clock.advance(stepMs);
  }
  return fail(`it still waits after ${stepMs * STEPS_LIMIT} ms`);
}

/** An answer to a plain GET or a long-poll. */
export function chunkResponse(
  body: string | null,
  headers: { next?: string; cursor?: string; upToDate?: boolean; closed?: boolean; type?: string },
): Response {
  const fields = new Headers({ "content-type": headers.type ?? "application/json" });
  if (headers.next !== undefined) fields.set("stream-next-offset", headers.next);
  if (headers.cursor !== undefined) fields.set("stream-cursor", headers.cursor);
  if (headers.upToDate) fields.set("stream-up-to-date", "true");
  // What a cache may have kept would be asked about once more.
  if (headers.upToDate) fields.set("cache-control", "no-store");
  if (headers.closed) fields.set("stream-closed", "true");
  return new Response(body, { status: body === null ? 204 : 200, headers: fields });
}

/** An SSE answer that a test feeds piece by piece. */
export class SseResponse {
  readonly response: Response;
  isCancelled = false;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(headers: Record<string, string> = {}) {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.isCancelled = true;
      },
    });
    this.response = new Response(body, {
      headers: { "content-type": "text/event-stream", ...headers },
    });
  }

  /** Sends text, or bytes, as one chunk. */
  send(chunk: string | Uint8Array): this {
    this.#controller?.enqueue(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
    return this;
  }

  /** Sends a control event, after a data event where there is data. */
  event(data: string | undefined, control: Record<string, unknown>): this {
    const before = data === undefined ? "" : `event: data\ndata: ${data}\n\n`;
    return this.send(`${before}event: control\ndata: ${JSON.stringify(control)}\n\n`);
  }

  /** Ends the connection in good order. */
  end(): this {
    this.#controller?.close();
    return this;
  }

  /** Breaks the connection. */
  break(): this {
    this.#controller?.error(new TypeError("connection reset"));
    return this;
  }
}

function clientOver(
  fetch: Send,
  clock: ManualClock,
  options: ClientOptions,
): Client {
  return new Client("http://localhost/v1/stream", {
    clock,
    random: () => 0.5,
    transport: fetchTransport({ fetch, clock }),
    ...options,
  });
}

function nameOf(url: string, init: RequestInit): string {
  const { pathname, search } = new URL(url);
  return `${init.method} ${pathname.replace("/v1/stream/", "")}${search}`;
}
