import { Buffer } from "node:buffer";
import type { Msg } from "@nats-io/transport-node";
import { type Bytes, encodeUtf8 } from "../../../protocol/bytes.ts";
import type { Clock } from "../../../env/clock.ts";
import { pause } from "../cluster/pause.ts";
import { JetStreamError, type MessagesQuery, type StoredMessage } from "../jetstream.ts";
import { ApiError, ApiErrorCode } from "./api_error.ts";
import { numberIn, objectIn, textIn } from "./json.ts";
import { confirmedSubject } from "./log_config.ts";
import type { Publisher } from "./publisher.ts";
import { type Requests, statusOf } from "./requests.ts";
import { headersOf, numberHeader, ownHeaders, ownHeadersOfText } from "./wire_headers.ts";

/** How often a subject is asked about by what is refused, while something of it is on its way. */
const LIMIT_PROBES = 3;
const BETWEEN_PROBES_MS = 2;
const UNTIL_REACHABLE_MS = 20;
/** A server sends at most so many by one request. */
const LIMIT_MESSAGES = 1_000;
/** After so long without an answer of a replica, the leader is asked, too. */
const UNTIL_LEADER_MS = 300;
/** The leader is asked for one after the other. */
const FEW_MESSAGES = 16;
const NO_CONTENT = 204;
const NOT_FOUND = 404;

/** Reading, of the leader and of any replica. */
export class Reads {
  readonly #requests: Requests;
  readonly #publisher: Publisher;
  readonly #clock: Clock;

  constructor(requests: Requests, publisher: Publisher, clock: Clock) {
    this.#requests = requests;
    this.#publisher = publisher;
    this.#clock = clock;
  }

  /**
   * By a publish that has to be refused: the leader answers from memory, where its other way would send the
   * whole message. While something of the subject is on its way it refuses without a number.
   */
  lastSequence(log: string, subject: string): Promise<number> {
    return this.#publisher.leadership.ask(log, () => this.#lastSequence(log, subject));
  }

  async #lastSequence(log: string, subject: string): Promise<number> {
    for (let probe = 0; probe < LIMIT_PROBES; probe++) {
      const outcome = await this.#publisher.probe(subject);
      if (outcome.kind !== "refused") {
        if (outcome.kind === "unavailable" || outcome.kind === "unknown") {
          throw new JetStreamError("unavailable", `${subject}: ${outcome.reason}`);
        }
        break;
      }
      if (outcome.lastSequence !== undefined) return outcome.lastSequence;
      await pause(this.#clock, BETWEEN_PROBES_MS);
    }
    return (await this.#ofLeader(log, { last_by_subj: subject }))?.sequence ?? 0;
  }

  lastMessage(log: string, subject: string): Promise<StoredMessage | undefined> {
    const question = () => this.#ofLeader(log, { last_by_subj: subject });
    return this.#publisher.leadership.ask(log, question);
  }

  /**
   * Waits until messages of a log get from here to its leader, which other servers learn of a little after it
   * was made.
   *
   * @throws {JetStreamError} `unavailable`
   */
  async reachable(log: string): Promise<void> {
    const endMs = this.#clock.nowMs() + this.#requests.timeoutMs;
    for (;;) {
      const outcome = await this.#publisher.probe(confirmedSubject(log));
      if (outcome.kind === "refused") return;
      if (outcome.kind !== "unavailable" || this.#clock.nowMs() >= endMs) {
        const reason = "reason" in outcome ? outcome.reason : outcome.kind;
        throw new JetStreamError("unavailable", `${log}: ${reason}`);
      }
      await pause(this.#clock, UNTIL_REACHABLE_MS);
    }
  }

  async messages(query: MessagesQuery): Promise<StoredMessage[]> {
    return query.byLeader === true ? await this.#byLeader(query) : await this.#byAnyone(query);
  }

  /**
   * The server chooses a replica by chance, also one that it can't reach, for as long as it hasn't found that
   * out: one without an answer mustn't hold up a read that the leader can answer.
   */
  async #byAnyone(query: MessagesQuery): Promise<StoredMessage[]> {
    const late = Promise.withResolvers<undefined>();
    const cancel = this.#clock.setTimer(UNTIL_LEADER_MS, () => late.resolve(undefined));
    const direct = this.#direct(query, cancel);
    const found = await Promise.race([direct, late.promise]).catch(() => undefined);
    cancel();
    if (found !== undefined) return found;
    const few = { ...query, limit: Math.min(query.limit, FEW_MESSAGES) };
    try {
      return await Promise.any([direct, this.#byLeader(few)]);
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    }
  }

  async #byLeader(query: MessagesQuery): Promise<StoredMessage[]> {
    const found: StoredMessage[] = [];
    let seq = Math.max(1, query.fromSequence);
    for (let bytes = 0; found.length < query.limit;) {
      const message = await this.#ofLeader(query.log, { seq, next_by_subj: query.subject });
      if (message === undefined) break;
      bytes += message.payload.length;
      if (found.length > 0 && bytes > query.limitBytes) break;
      found.push(message);
      seq = message.sequence + 1;
    }
    return found;
  }

  async #ofLeader(
    log: string,
    which: Record<string, unknown>,
  ): Promise<StoredMessage | undefined> {
    try {
      const answer = await this.#requests.api(`STREAM.MSG.GET.${log}`, which);
      return messageOfAnswer(objectIn(answer["message"]));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === ApiErrorCode.noMessage) return undefined;
      throw error.toJetStreamError(log);
    }
  }

  async #direct(query: MessagesQuery, onAnswer: () => void): Promise<StoredMessage[]> {
    const found: StoredMessage[] = [];
    const limit = Math.min(query.limit, LIMIT_MESSAGES);
    const which = {
      seq: Math.max(1, query.fromSequence),
      next_by_subj: query.subject,
      batch: limit,
      max_bytes: Math.max(1, query.limitBytes),
    };
    let isBroken = false;
    const payload = encodeUtf8(JSON.stringify(which));
    const ask = this.#requests.many(`$JS.API.DIRECT.GET.${query.log}`, payload, (message) => {
      onAnswer();
      const status = statusOf(message);
      if (status === NO_CONTENT || status === NOT_FOUND) return true;
      if (status >= 400) {
        const reason = headersOf(message)?.description ?? "";
        throw new JetStreamError("unavailable", `${query.log}: ${reason} (${status})`);
      }
      // One that was lost on the way between two servers leaves the ones before it.
      isBroken ||= found.length > 0 &&
        numberHeader(headersOf(message), "Nats-Last-Sequence") !== found.at(-1)?.sequence;
      if (!isBroken) found.push(messageOfDirectGet(message));
      return false;
    });
    try {
      await ask;
    } catch (error) {
      if (found.length === 0) throw error;
    }
    return found;
  }
}

function messageOfDirectGet(message: Msg): StoredMessage {
  const headers = headersOf(message);
  return {
    subject: headers?.get("Nats-Subject") ?? "",
    sequence: numberHeader(headers, "Nats-Sequence"),
    atMs: Date.parse(headers?.get("Nats-Time-Stamp") ?? ""),
    payload: new Uint8Array(message.data),
    headers: ownHeaders(headers),
  };
}

function messageOfAnswer(message: Record<string, unknown>): StoredMessage {
  const headers = Buffer.from(textIn(message["hdrs"]), "base64").toString();
  return {
    subject: textIn(message["subject"]),
    sequence: numberIn(message["seq"]),
    atMs: Date.parse(textIn(message["time"])),
    payload: ofBase64(textIn(message["data"])),
    headers: ownHeadersOfText(headers),
  };
}

function ofBase64(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, "base64"));
}
