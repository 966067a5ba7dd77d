import { Client, type ClientOptions } from "../client/client.ts";
import { checkAmounts } from "../client/errors/option_checks.ts";
import { START } from "../client/transport/place.ts";
import { sleep } from "../client/transport/sleep.ts";
import { untilAborted } from "../client/transport/until_aborted.ts";
import { type Clock, systemClock } from "../env/clock.ts";
import { AnswerFeed } from "./answer_feed.ts";
import { ChatError } from "./chat_error.ts";
import { type ChatEntry, isMissing, newestAnswer, toEntry } from "./chat_log.ts";
import { answerPath, chatPath } from "./chat_names.ts";
import type { UiMessageChunk } from "./ui_chunk.ts";

/** Where a page sends its messages, and where it reads the answers. */
export interface ChatTransportOptions {
  /** What the streams' URLs begin with, or a client with a token of its own for them. */
  readonly streams: string | URL | Client;
  /** Where messages are posted; `/api/chat`. */
  readonly api?: string | undefined;
  /** Where a wish to stop is posted; `api` and `/stop`. */
  readonly stopApi?: string | undefined;
  /** What the streams' names begin with; `chats/`. */
  readonly prefix?: string | undefined;
  /** The token for reading, where `streams` is a URL; asked for anew as a client's is. */
  readonly token?: ClientOptions["token"];
  /** Headers of what is posted to the application; a function is asked each time. */
  readonly headers?: Record<string, string> | (() => Record<string, string>) | undefined;
  /** More fields of what is posted to the application. */
  readonly body?: Record<string, unknown> | undefined;
  /** Whether a chat whose newest answer has ended gives it once more as it is resumed; true. */
  readonly replayEnded?: boolean | undefined;
  /** How long the server may be away until the page is told; 5 minutes, or `Infinity`. */
  readonly maxOutageMs?: number | undefined;
  /** Sends what is posted to the application; the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** The source of time. */
  readonly clock?: Clock | undefined;
}

/** What goes along with one call of the AI SDK. */
interface CallAdditions {
  headers?: Record<string, string> | Headers | undefined;
  body?: object | undefined;
  metadata?: unknown;
}

/** What the AI SDK wants sent. */
export interface SendMessagesOptions extends CallAdditions {
  trigger: "submit-message" | "regenerate-message";
  chatId: string;
  messageId: string | undefined;
  messages: readonly unknown[];
  abortSignal: AbortSignal | undefined;
}

/** What the AI SDK wants resumed. */
export interface ReconnectOptions extends CallAdditions {
  chatId: string;
  abortSignal?: AbortSignal | undefined;
}

/** A chat that isn't there is looked for this often. */
const LOOK_MS = 1_000;
/** So many answers and chats does a page remember. */
const REMEMBERED = 1_000;

/** A body of `fetch` that outlives its page is at most this long, in characters that may take 3 bytes. */
const KEEPALIVE_CHARS = 20_000;

/**
 * A `ChatTransport` of the AI SDK: `useChat({ transport: chatTransport({ streams }), resume: true })`.
 * Answers go on whatever becomes of the page; `stop` ends one, and nothing else does. Give one transport
 * to all hooks of a page: they share its connections.
 */
export class ChatTransport {
  /** What is resumed comes from its first chunk on. */
  readonly resumeStreamIsReplay = true;
  readonly #client: Client;
  readonly #options: ChatTransportOptions;
  /** By the answers' paths. */
  readonly #feeds = new Map<string, AnswerFeed>();
  /** The answers that this page has asked for. */
  readonly #asked = new RecentMap<true>();
  /** The answer that this page shows, asked for here or elsewhere, by the chats' ids. */
  readonly #shown = new RecentMap<string>();

  /** @throws {ClientError} `invalid_argument` */
  constructor(options: ChatTransportOptions) {
    checkAmounts(options, ["maxOutageMs"]);
    this.#options = options;
    const { streams, token, clock } = options;
    this.#client = streams instanceof Client ? streams : new Client(streams, { token, clock });
  }

  /**
   * Posts the messages, with the id of the answer that is to be, and gives the answer. The signal ends
   * this reading only: the message is sent, and answered.
   *
   * @throws {ChatError} `refused` where the application doesn't take it
   */
  async sendMessages(options: SendMessagesOptions): Promise<ReadableStream<UiMessageChunk>> {
    const { chatId, messages, trigger, messageId, abortSignal } = options;
    const answer = crypto.randomUUID();
    const { prefix } = this.#options;
    const path = answerPath({ chat: chatId, prefix }, answer);
    const content = { id: chatId, answer, messages, trigger, messageId };
    this.#asked.set(answer, true);
    this.#shown.set(chatId, answer);
    await untilAborted(this.#post(this.#api, content, options), abortSignal);
    return this.#feed(chatId, answer, path).read(abortSignal);
  }

  /** The newest answer of the chat, from its beginning; null where there is none. */
  async reconnectToStream(
    { chatId, abortSignal, headers }: ReconnectOptions,
  ): Promise<ReadableStream<UiMessageChunk> | null> {
    const { prefix, replayEnded = true } = this.#options;
    const address = { chat: chatId, prefix };
    const additions = { signal: abortSignal, headers: plainHeaders(headers) };
    const shown = this.#shown.get(chatId);
    const entry = await newestAnswer(this.#client, address, additions);
    if (entry === undefined) return null;
    // Unless something was asked meanwhile.
    if (this.#shown.get(chatId) === shown) this.#shown.set(chatId, entry.answer);
    const path = answerPath(address, entry.answer);
    if (!replayEnded && !this.#feeds.has(path)) {
      const { closed } = await this.#client.head(path, additions);
      if (closed) return null;
    }
    return this.#feed(chatId, entry.answer, path).read(abortSignal);
  }

  /**
   * Stops the chat's answer, wherever its model runs. One that was asked for just now is stopped even
   * before it begins.
   *
   * @param answer the one that was asked for or resumed here last unless given; else the chat's newest one
   * @throws {ChatError} `refused` where the application doesn't take the wish
   */
  async stop(chatId: string, answer = this.#shown.get(chatId)): Promise<void> {
    await this.#post(this.#stopApi, { id: chatId, answer });
  }

  /** The messages that the chat's newest answer is for, where the server keeps them; else none. */
  async load(chatId: string, signal?: AbortSignal): Promise<readonly unknown[]> {
    const address = { chat: chatId, prefix: this.#options.prefix };
    return (await newestAnswer(this.#client, address, { signal }))?.messages ?? [];
  }

  /**
   * Calls `onAnswer` as others, in another tab or on another device, ask something in this chat, which
   * needn't be there yet. Resolves as the signal is aborted.
   *
   * @throws {ClientError} where the chat can't be read
   */
  async watch(
    chatId: string,
    onAnswer: (entry: ChatEntry) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { prefix, clock = systemClock } = this.#options;
    const path = chatPath({ chat: chatId, prefix });
    let offset = "now";
    while (!signal.aborted) {
      try {
        const reader = this.#client.reader(path, { offset, maxElapsedMs: Infinity, signal });
        for await (const value of reader.json()) {
          const entry = toEntry(value);
          if (entry !== undefined && !this.#asked.has(entry.answer)) onAnswer(entry);
        }
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!isMissing(error)) throw error;
        // Its first answer makes it, which may be another page's.
        offset = START;
        await sleep(clock, LOOK_MS, signal).catch(() => {});
      }
    }
  }

  get #api(): string {
    return this.#options.api ?? "/api/chat";
  }

  get #stopApi(): string {
    return this.#options.stopApi ?? `${this.#api}/stop`;
  }

  #feed(chatId: string, answer: string, path: string): AnswerFeed {
    const known = this.#feeds.get(path);
    if (known !== undefined) return known;
    const { clock = systemClock, maxOutageMs = 300_000 } = this.#options;
    const feed = new AnswerFeed({
      client: this.#client,
      path,
      clock,
      maxOutageMs,
      onSilent: (silentAt) => this.#post(this.#stopApi, { id: chatId, answer, silentAt }),
      onUnused: () => {
        if (this.#feeds.get(path) === feed) this.#feeds.delete(path);
      },
    });
    this.#feeds.set(path, feed);
    return feed;
  }

  async #post(url: string, content: object, call: CallAdditions = {}): Promise<void> {
    const { headers, body, fetch: send = fetch } = this.#options;
    const text = JSON.stringify({ ...body, ...call.body, ...content });
    const response = await send(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(typeof headers === "function" ? headers() : headers),
        ...plainHeaders(call.headers),
      },
      body: text,
      // So that a message whose page is left at once is sent all the same.
      keepalive: text.length <= KEEPALIVE_CHARS,
    });
    const said = (await response.text()).slice(0, 1_000);
    if (response.ok) return;
    // A page of a framework's or a proxy's is no text for this one.
    const isPage = /^\s*</.test(said) ||
      /\bhtml\b/i.test(response.headers.get("content-type") ?? "");
    const words = isPage ? "" : said;
    throw new ChatError("refused", words || `The chat's server answered ${response.status}.`);
  }
}

/**
 * A transport for the AI SDK's `useChat`, which sends, resumes after a reload on any device, and stops.
 *
 * @throws {ClientError} `invalid_argument`
 */
export function chatTransport(options: ChatTransportOptions): ChatTransport {
  return new ChatTransport(options);
}

/** A map of the newest entries. */
class RecentMap<VALUE> extends Map<string, VALUE> {
  override set(key: string, value: VALUE): this {
    this.delete(key);
    super.set(key, value);
    const [oldest] = this.keys();
    if (this.size > REMEMBERED && oldest !== undefined) this.delete(oldest);
    return this;
  }
}

function plainHeaders(headers: CallAdditions["headers"]): Record<string, string> {
  return headers instanceof Headers ? Object.fromEntries(headers) : { ...headers };
}
