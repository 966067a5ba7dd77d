import { pipeChat, type PipeChatOptions } from "../../src/ai/pipe_chat.ts";
import { type ChatTransport, chatTransport } from "../../src/ai/chat_transport.ts";
import { stopChat } from "../../src/ai/stop_chat.ts";
import type { UiChunk } from "../../src/ai/ui_chunk.ts";
import { Client } from "../../src/client/client.ts";
import { ClientError } from "../../src/client/errors/client_error.ts";
import { fetchTransport, type TransportRequest } from "../../src/client/transport/transport.ts";
import { until } from "../support/until.ts";
import { ManualClock } from "../support/manual_clock.ts";

/** A chunk as the tests write it. */
export type AnyChunk = UiChunk & Record<string, unknown>;

/** A model that says what it is told to, when it is told to. */
export class ScriptedModel {
  readonly #chunks: AnyChunk[] = [];
  #wake = () => {};
  #isDone = false;
  #error: unknown;
  /** How often it was asked. */
  asked = 0;
  /** The signal that it was given. */
  signal: AbortSignal | undefined;
  /** What it was told of an earlier worker's part. */
  before: readonly UiChunk[] = [];

  /** Says these next. */
  say(...chunks: AnyChunk[]): this {
    this.#chunks.push(...chunks);
    this.#wake();
    return this;
  }

  /** Ends without another chunk. */
  end(): void {
    this.#isDone = true;
    this.#wake();
  }

  /** Throws after what it has said. */
  fail(error: unknown): void {
    this.#error = error;
    this.#wake();
  }

  /** As `pipeChat` takes it. It doesn't look at the signal. */
  readonly source: PipeChatOptions["source"] = ({ signal, before }) => {
    this.asked++;
    this.signal = signal;
    this.before = before;
    return this.#run();
  };

  async *#run(): AsyncGenerator<UiChunk, void> {
    while (true) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#error !== undefined) throw this.#error;
      else if (this.#isDone) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** A piece of text. */
export const text = (delta: string): AnyChunk => ({ type: "text-delta", id: "t", delta });
/** The text's begin and end. */
export const TEXT_START: AnyChunk = { type: "text-start", id: "t" };
export const TEXT_END: AnyChunk = { type: "text-end", id: "t" };
export const FINISH: AnyChunk = { type: "finish" };

/** Where streams are, and how they are reached. */
export interface Streams {
  readonly url: string;
  fetch(url: string, init: RequestInit): Response | Promise<Response>;
}

/** An application with a model before a server of streams, and a page's transport. */
export class ChatKit {
  readonly clock = new ManualClock();
  /** Of the writers' and the pages' requests, as they are sent. */
  readonly requests: TransportRequest[] = [];
  /** How many requests of pages for answers wait just now. */
  openReads = 0;
  /** No request comes through. */
  isAway = false;
  /** Whether the answer to a request of the application's is lost, which the server has done. */
  isLost: (request: TransportRequest) => boolean = () => false;
  /** What the application was posted. */
  readonly posted: { url: string; body: Record<string, unknown> }[] = [];
  readonly model = new ScriptedModel();
  /** What `pipeChat` is given beside. */
  pipe: Partial<PipeChatOptions> = {};
  readonly #streams: Streams;
  /** The application's own. */
  readonly client: Client;
  /** The page's. */
  readonly transport: ChatTransport;

  #cut = new AbortController();

  /** @param maxOutageMs how long its page's reads are tried again */
  constructor(streams: Streams, maxOutageMs?: number) {
    this.#streams = streams;
    this.client = this.#client((request) => this.requests.push(request));
    this.transport = chatTransport({
      streams: this.#client(() => {}, true),
      clock: this.clock,
      maxOutageMs,
      fetch: (url, init) => this.#application(String(url), String(init?.body)),
    });
  }

  #client(onRequest: (request: TransportRequest) => void, isPage = false): Client {
    const transport = fetchTransport({
      fetch: async (url, init) => {
        if (this.isAway) throw new TypeError("fetch failed");
        const isLive = isPage && url.includes("live=");
        if (isLive) this.openReads++;
        const gone = () => this.openReads--;
        if (isLive) init.signal?.addEventListener("abort", gone, { once: true });
        const signal = isLive && init.signal
          ? AbortSignal.any([init.signal, this.#cut.signal])
          : init.signal;
        return await this.#streams.fetch(url, { ...init, signal: signal ?? null });
      },
    });
    return new Client(this.#streams.url, {
      transport: async (request) => {
        onRequest(request);
        const response = await transport(request);
        if (isPage || !this.isLost(request)) return response;
        throw new ClientError("network", "The answer was lost.");
      },
    });
  }

  /** Ends the pages' open connections as a lost network does. */
  cut(): void {
    this.#cut.abort(new TypeError("network connection was lost"));
    this.#cut = new AbortController();
  }

  async #application(url: string, body: string): Promise<Response> {
    const fields: Record<string, unknown> = JSON.parse(body);
    this.posted.push({ url, body: fields });
    const { id, answer, silentAt } = fields;
    if (typeof id !== "string") return new Response("no chat", { status: 400 });
    const ids = { client: this.client, chat: id, answer: optionalText(answer) };
    if (url.endsWith("/stop")) {
      return Response.json(await stopChat({ ...ids, silentAt: optionalText(silentAt) }));
    }
    const piped = await pipeChat({
      ...ids,
      source: this.model.source,
      clock: this.clock,
      ...this.pipe,
    });
    return piped.response();
  }

  /** Waits until so many chunks of an answer are stored. */
  async untilStored(path: string, count: number): Promise<void> {
    await until(
      async () => (await this.stored(path)).length >= count,
      () => `${path} hasn't ${count} chunks`,
    );
  }

  /** What is stored of an answer, but for what writers and readers tell each other. */
  async stored(path: string): Promise<AnyChunk[]> {
    const chunks = await this.client.reader(path).allJson<AnyChunk>();
    return chunks.filter(({ type }) => !type.startsWith("data-ds-"));
  }
}

function optionalText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** All of a stream. */
export async function collect<T>(stream: ReadableStream<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const chunk of stream) all.push(chunk);
  return all;
}
