import type { Msg } from "@nats-io/transport-node";
import { type Bytes, encodeUtf8 } from "../../../protocol/bytes.ts";
import { JetStreamError } from "../jetstream.ts";
import { ApiError } from "./api_error.ts";
import { parseObject } from "./json.ts";
import type { Link } from "./link.ts";
import { type Replies, Waiter } from "./replies.ts";
import { headersOf } from "./wire_headers.ts";

/** The status of an answer without content, as of "nobody listens": 503. */
export function statusOf(message: Msg): number {
  return message.data.length === 0 ? headersOf(message)?.code ?? 0 : 0;
}

/** Questions to servers. */
export class Requests {
  readonly link: Link;
  readonly replies: Replies;
  readonly timeoutMs: number;

  constructor(link: Link, replies: Replies, timeoutMs: number) {
    this.link = link;
    this.replies = replies;
    this.timeoutMs = timeoutMs;
  }

  /**
   * Asks, and gives each answer to `onReply`, until that says it was the last.
   *
   * @throws {JetStreamError} `unavailable`
   */
  many(
    subject: string,
    payload: Bytes,
    onReply: (message: Msg) => boolean,
    timeoutMs = this.timeoutMs,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { connection } = this.link;
      if (connection === undefined) return reject(unavailable(subject, "no server is connected"));
      const question = new Question(subject, timeoutMs, onReply, resolve, reject);
      const reply = this.replies.add(question, subject, timeoutMs);
      try {
        connection.publish(subject, payload, { reply });
      } catch (error) {
        this.replies.remove(question);
        reject(unavailable(subject, error instanceof Error ? error.message : String(error)));
      }
    });
  }

  /**
   * Asks JetStream itself.
   *
   * @param subject what follows `$JS.API.`
   * @throws {JetStreamError} `unavailable`
   * @throws {ApiError} where it answers with one
   */
  async api(
    subject: string,
    body: Record<string, unknown>,
    timeoutMs = this.timeoutMs,
  ): Promise<Record<string, unknown>> {
    let answer: Record<string, unknown> = {};
    const onReply = (message: Msg) => {
      answer = parseObject(message.string());
      return true;
    };
    const payload = encodeUtf8(JSON.stringify(body));
    await this.many(`$JS.API.${subject}`, payload, onReply, timeoutMs);
    const error = ApiError.of(answer);
    if (error !== undefined) throw error;
    return answer;
  }
}

class Question extends Waiter {
  readonly #subject: string;
  readonly #timeoutMs: number;
  readonly #onReply: (message: Msg) => boolean;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    subject: string,
    timeoutMs: number,
    onReply: (message: Msg) => boolean,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    super();
    this.#subject = subject;
    this.#timeoutMs = timeoutMs;
    this.#onReply = onReply;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  override onReply(message: Msg): boolean {
    if (statusOf(message) === 503) {
      this.#reject(unavailable(this.#subject, "nobody leads or listens there"));
      return true;
    }
    try {
      if (!this.#onReply(message)) {
        this.replies?.prolong(this, this.#timeoutMs);
        return false;
      }
    } catch (error) {
      this.#reject(error);
      return true;
    }
    this.#resolve();
    return true;
  }

  override onTimeout(): void {
    this.#reject(unavailable(this.#subject, `no answer within ${this.#timeoutMs} ms`));
  }

  override onLost(reason: string): void {
    this.#reject(unavailable(this.#subject, reason));
  }

  override onForbidden(reason: string): void {
    this.#reject(new JetStreamError("unsuitable", `${this.#subject} is forbidden: ${reason}`));
  }
}

function unavailable(subject: string, reason: string): JetStreamError {
  return new JetStreamError("unavailable", `${subject}: ${reason}`);
}
