import { deepStrictEqual as equal, ok } from "node:assert";
import { Client, type ClientOptions } from "../../../src/client/client.ts";
import { ClientError, type ClientErrorCode } from "../../../src/client/errors/client_error.ts";
import type { Reader } from "../../../src/client/reader/reader.ts";
import { withRetry } from "../../../src/client/transport/retry.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import type { Fields } from "../../support/fixture.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { untilSettled } from "../../support/client/reader_kit.ts";

/** A request as the server got it. */
export interface Asked {
  method: string;
  /** Path and query as they were sent, without the prefix `/v1/stream/`. */
  target: string;
  query: URLSearchParams;
  headers: Headers;
  body: string;
}

/** What a server gives to one request; an error is no answer. */
export type Reply = Response | Error | ((asked: Asked) => Response | Error);

/** A server of the protocol that isn't this project's, and a client of it with the default retries. */
export class OtherServer {
  readonly clock = new ManualClock();
  readonly asked: Asked[] = [];
  readonly client: Client;
  readonly #replies: Reply[];

  /** @param replies one for each request; after the last one nothing is expected any more */
  constructor(replies: Reply[], options: ClientOptions = {}) {
    this.#replies = [...replies];
    const { clock } = this;
    const random = () => 0.5;
    const fetch = (url: string, init: RequestInit) => this.#answer(url, init);
    this.client = new Client("http://localhost/v1/stream", {
      clock,
      random,
      transport: withRetry({ clock, random })(fetchTransport({ fetch, clock })),
      ...options,
    });
  }

  /** `METHOD target` of every request. */
  get log(): string[] {
    return this.asked.map(({ method, target }) => `${method} ${target}`);
  }

  /** Moves the clock on until `promise` settles; every reply has to be used by then, and none missing. */
  async run<T>(promise: Promise<T>, stepMs = 1_000): Promise<T> {
    try {
      return await untilSettled(this.clock, promise, stepMs);
    } finally {
      equal(this.#replies.length, 0, `not asked for all replies: ${this.log.join(", ")}`);
    }
  }

  /** The texts of all messages of a reader, to its end. */
  async read(reader: Reader): Promise<string[]> {
    const texts: string[] = [];
    const readAll = async () => {
      for await (const message of reader) texts.push(message.text());
    };
    await this.run(readAll());
    return texts;
  }

  /** Moves the clock on until the call fails, which has to be with this code. */
  async failed(call: Promise<unknown>, code: ClientErrorCode): Promise<ClientError> {
    const error = await this.run(call.then(() => undefined, (error: unknown) => error));
    ok(error instanceof ClientError, `expected a ClientError, not ${error}`);
    equal(error.code, code, error.message);
    return error;
  }

  async #answer(url: string, init: RequestInit): Promise<Response> {
    const { pathname, search, searchParams } = new URL(url);
    const asked: Asked = {
      method: init.method ?? "GET",
      target: pathname.replace("/v1/stream/", "") + search,
      query: searchParams,
      headers: new Headers(init.headers),
      body: await new Response(init.body ?? null).text(),
    };
    this.asked.push(asked);
    const reply = this.#replies.shift();
    // As a conforming server's last word, so that a test that isn't done ends at once.
    if (reply === undefined) return new Response("nobody expected this request", { status: 400 });
    const answer = typeof reply === "function" ? reply(asked) : reply;
    if (answer instanceof Error) throw answer;
    return answer;
  }
}

/** An answer with the offset that every answer has. */
export function reply(status: number, nextOffset: string, fields: Fields = {}, body?: string) {
  return new Response(body ?? null, {
    status,
    headers: { "stream-next-offset": nextOffset, ...fields },
  });
}

/** An answer to a GET of a JSON stream. */
export function json(nextOffset: string, body: string, fields: Fields = {}): Response {
  return reply(200, nextOffset, { "content-type": "application/json", ...fields }, body);
}

/** An answer to a GET of a text stream. */
export function text(nextOffset: string, body: string, fields: Fields = {}): Response {
  return reply(200, nextOffset, { "content-type": "text/plain", ...fields }, body);
}

/** A whole SSE answer, which ends after these bytes. */
export function sse(body: string, fields: Fields = {}): Response {
  return new Response(body, { headers: { "content-type": "text/event-stream", ...fields } });
}

/** Two fields that mean: this is all, for now. */
export const AT_TAIL: Fields = { "stream-up-to-date": "true" };

/** Two fields that mean: this is all, for ever. */
export const AT_END: Fields = { ...AT_TAIL, "stream-closed": "true" };
