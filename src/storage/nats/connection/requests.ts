import type { Msg } from "@nats-io/transport-node";
import { type Bytes, encodeUtf8 } from "../../../protocol/bytes.ts";
import { JetStreamError, type JetStreamErrorCode } from "../jetstream.ts";
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
   * @param nobody the code where nobody listens
   * @throws {JetStreamError} `unavailable`; `unsuitable` where who asks may not
   */
  many(
    subject: string,
    payload: Bytes,
    onReply: (message: Msg) => boolean,
    timeoutMs = this.timeoutMs,
    nobody: JetStreamErrorCode = "unavailable",
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { connection } = this.link;
      if (connection === undefined) return reject(unavailable(subject, "no server is connected"));
      const question = new Question({ subject, timeoutMs, nobody, onReply, resolve, reject });
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

/** What a {@link Question} is about, and who is told what came of it. */
interface QuestionParts {
  readonly subject: string;
  readonly timeoutMs: number;
  readonly nobody: JetStreamErrorCode;
  readonly onReply: (message: Msg) => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class Question extends Waiter {
  readonly #parts: QuestionParts;

  constructor(parts: QuestionParts) {
    super();
    this.#parts = parts;
  }

  override onReply(message: Msg): boolean {
    const { subject, timeoutMs, nobody, onReply, resolve, reject } = this.#parts;
    if (statusOf(message) === 503) {
      reject(new JetStreamError(nobody, `${subject}: nobody leads or listens there`));
      return true;
    }
    try {
      if (!onReply(message)) {
        this.replies?.prolong(this, timeoutMs);
        return false;
      }
    } catch (error) {
      reject(error);
      return true;
    }
    resolve();
    return true;
  }

  override onTimeout(): void {
    const { subject, timeoutMs, reject } = this.#parts;
    reject(unavailable(subject, `no answer within ${timeoutMs} ms`));
  }

  override onLost(reason: string): void {
    this.#parts.reject(unavailable(this.#parts.subject, reason));
  }

  override onForbidden(reason: string): void {
    const { subject, reject } = this.#parts;
    reject(new JetStreamError("unsuitable", `${subject} is forbidden: ${reason}`));
  }
}

function unavailable(subject: string, reason: string): JetStreamError {
  return new JetStreamError("unavailable", `${subject}: ${reason}`);
}
