import type { Client } from "../client/client.ts";
import { checkIntegers } from "../client/errors/option_checks.ts";
import { type Clock, systemClock } from "../env/clock.ts";
import { AnswerWriter, type ChatOutcome } from "./answer_writer.ts";
import { FAILED_TEXT } from "./chat_error.ts";
import { noteAnswer } from "./chat_log.ts";
import { answerPath, type ChatAddress } from "./chat_names.ts";
import type { ChatRun, ChatSource } from "./chat_source.ts";
import { openAnswer } from "./open_answer.ts";

export type { ChatOutcome } from "./answer_writer.ts";

/** What answers, which message, and how. */
export interface PipeChatOptions extends ChatAddress {
  /** The server of the streams; its token needs `create`, `append` and `read` of them. */
  readonly client: Client;
  /** Asks the model; called once, and not at all where the answer was stopped or begun before. */
  readonly source: (run: ChatRun) => ChatSource | Promise<ChatSource>;
  /** The answer's id, from the page's request; a new one unless given. */
  readonly answer?: string | undefined;
  /** The page's messages, kept in the chat's stream so that `newestAnswer` gives them. */
  readonly messages?: readonly unknown[] | undefined;
  /**
   * What to do where the answer was begun before: nothing unless given, since the page's request may
   * have come twice. A worker that was restarted and has its job again says `go-on`, and its source gets
   * what is there in `before`, or `fail`, and the answer ends with an error.
   */
  readonly restart?: "go-on" | "fail" | undefined;
  /** The text of a failure, for the page; that of none of them unless given, since it may hold secrets. */
  readonly errorText?: ((error: unknown) => string) | undefined;
  /** How long this process may be silent until readers take it for dead; 30 s, from 1 s to an hour. */
  readonly leaseMs?: number | undefined;
  /** How long the streams' server may be away until the model is stopped; 5 minutes. */
  readonly maxOutageMs?: number | undefined;
  /** The answer and the chat expire after so long without reads or writes; never unless given. */
  readonly ttlSeconds?: number | undefined;
  /** The source of time. */
  readonly clock?: Clock | undefined;
}

/** An answer that is under way, or is there. */
export interface ChatAnswer {
  readonly chat: string;
  readonly answer: string;
  /** The name of its stream. */
  readonly path: string;
  /** How it ended; never rejects. Give it to your platform's `waitUntil`. */
  readonly done: Promise<ChatOutcome>;
  /** What the page's request is answered with: 202 and the ids as JSON. */
  response(): Response;
}

const HOUR_MS = 3_600_000;

/**
 * Pipes a model's answer into a stream of its own, and resolves as soon as that is there: the model
 * goes on whatever becomes of the request. The last chunk, `finish`, `error` or `abort`, closes the
 * stream. A source that throws, or ends without such a chunk, ends it with `error`.
 *
 * @throws {ClientError} where the stream can't be made
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Client, fetchTransport } from "../client/mod.ts";
 * import { createApp } from "../server/app.ts";
 * import { createMemoryStorage } from "../storage/memory.ts";
 * import { pipeChat } from "./pipe_chat.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const client = new Client("http://localhost/v1/stream", {
 *   transport: fetchTransport({ fetch: (url, init) => app.request(url, init) }),
 * });
 *
 * async function* model() {
 *   yield { type: "text-start", id: "1" };
 *   yield { type: "text-delta", id: "1", delta: "Hello." };
 *   yield { type: "text-end", id: "1" };
 *   yield { type: "finish" };
 * }
 *
 * const { path, done } = await pipeChat({ client, chat: "c1", source: model });
 * assert.equal(await done, "finished");
 * const types = (await client.reader(path).allJson<{ type: string }>()).map(({ type }) => type);
 * assert.deepEqual(types.slice(1), ["start", "text-start", "text-delta", "text-end", "finish"]);
 * ```
 */
export async function pipeChat(options: PipeChatOptions): Promise<ChatAnswer> {
  const { client, chat, restart, ttlSeconds, messages } = options;
  const { leaseMs = 30_000, maxOutageMs = 300_000, clock = systemClock } = options;
  checkIntegers({ leaseMs }, ["leaseMs"], 1_000, HOUR_MS);
  checkIntegers({ maxOutageMs }, ["maxOutageMs"], 0);
  const answer = options.answer ?? crypto.randomUUID();
  const path = answerPath(options, answer);
  const opened = await openAnswer(client, path, { leaseMs, ttlSeconds });
  // The worker before this one may have died before it had noted it.
  if (opened.isNew || restart !== undefined || opened.state !== "running") {
    const kept = messages === undefined ? {} : { messages };
    const { isNew } = opened;
    await noteAnswer(client, options, { answer, ...kept }, { isNew, ttlSeconds });
  }
  const isOurs = opened.state === "running" && (opened.isNew || restart !== undefined);
  const done = isOurs
    ? new AnswerWriter({
      client,
      path,
      answer,
      messageId: messageIdOf(messages) ?? answer,
      source: options.source,
      before: opened.before,
      restart: opened.isNew ? undefined : restart,
      errorText: options.errorText ?? (() => FAILED_TEXT),
      leaseMs,
      maxOutageMs,
      clock,
    }).run()
    : Promise.resolve<ChatOutcome>(opened.state === "running" ? "elsewhere" : opened.state);
  const response = () => Response.json({ chat, answer, stream: path }, { status: 202 });
  return { chat, answer, path, done, response };
}

/** The id of a last message that the answer continues, as after a tool's result. */
function messageIdOf(messages: readonly unknown[] | undefined): string | undefined {
  const last = messages?.at(-1);
  if (typeof last !== "object" || last === null || !("role" in last) || !("id" in last)) {
    return undefined;
  }
  return last.role === "assistant" && typeof last.id === "string" ? last.id : undefined;
}
