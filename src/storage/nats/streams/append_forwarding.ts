import { type Clock, hasPassed } from "../../../env/clock.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { spaceAt } from "../../../protocol/offset.ts";
import type { OffsetSpaces } from "../../offset_spaces.ts";
import type { Appended, AppendRequest } from "../../storage.ts";
import { outcomeUnknown } from "../cluster/unreachable.ts";
import type { NatsSettings } from "../options.ts";
import type { AppendSender } from "./append_sender.ts";
import {
  type AppendAnswer,
  type AppendCall,
  type ForwardedOutcome,
  isRefusal,
} from "./forward_wire.ts";
import { HotStream } from "./hot_stream.ts";
import type { MessageWriter } from "./message_writer.ts";
import type { NatsStream } from "./nats_stream.ts";
import type { StreamLoader } from "./stream_loader.ts";
import type { Origin, WaitingAppend, WaitingQueue } from "./waiting_queue.ts";

/** So many calls of one stream's may be under way: more than that only makes them smaller. */
const MOST_CALLS = 4;
/** So often is a stream brought forward whose appends are sent to another front end. */
const FOLLOW_MS = 2000;

/** What an {@link AppendForwarding} works on. */
export interface ForwardingParts {
  readonly settings: NatsSettings;
  readonly clock: Clock;
  readonly loader: StreamLoader;
  readonly writer: MessageWriter;
  readonly spaces: OffsetSpaces;
  readonly sender: AppendSender;
  /** Whether a stream's time is over. */
  isOver(stream: NatsStream, nowMs: number): boolean;
  /** Another front end has decided so many appends for this one. */
  onForwarded(count: number): void;
  /** Another front end has not answered in time. */
  onForwardTimeout(): void;
}

/** Appends that were sent to another front end. */
interface SentCall {
  readonly call: number;
  readonly appends: readonly WaitingAppend[];
  /** Those that may be stored, as far as is known. */
  readonly uncertain: Set<WaitingAppend>;
  /** A message that was there when they were sent. */
  readonly sinceSequence: number;
  readonly sentAtMs: number;
}

/**
 * What of one stream's queue is sent to another front end, and what others send to it: where two write to a
 * stream at once, either loses most races, and one alone makes larger groups. Nothing rests on who is asked:
 * the expectation of each message decides.
 *
 * Where no answer comes, what was sent may be stored, be on its way, or be lost. Then it is decided here, and
 * that makes sure of it: this front end's message has an expectation, so all before it was read, and what is
 * stored of the call was seen there; and who finds it in the stream doesn't decide the call any more (see
 * {@link CallMarks}). A refusal, which needs no message otherwise, gets one for that.
 */
export class AppendForwarding {
  readonly #parts: ForwardingParts;
  readonly #stream: NatsStream;
  readonly #waiting: WaitingQueue;
  readonly #hot: HotStream;
  /** Those under way, and each one's end. */
  readonly #sent = new Map<SentCall, Promise<void>>();
  /** Those without an answer, or that weren't decided with one. */
  readonly #lost = new Map<number, SentCall>();
  /** Those that were sent and not decided: not sent again, or they might go round for ever. */
  readonly #back = new WeakSet<WaitingAppend>();
  /** The newest message that is known to be there. */
  #seenSequence = 0;
  readonly #onBack: () => void;
  #followedAtMs = 0;

  /** @param onBack called where appends that were sent wait again */
  constructor(
    parts: ForwardingParts,
    stream: NatsStream,
    waiting: WaitingQueue,
    onBack: () => void,
  ) {
    this.#parts = parts;
    this.#onBack = onBack;
    this.#stream = stream;
    this.#waiting = waiting;
    this.#hot = new HotStream(parts.writer.frontEnd, parts.settings.forwarding);
  }

  /**
   * Lets appends that another front end has sent be decided here.
   *
   * @param append puts one into the queue
   */
  async take(
    { frontEnd, call, sinceSequence, requests }: AppendCall,
    append: (request: AppendRequest, from: Origin) => Promise<Appended | undefined>,
  ): Promise<AppendAnswer> {
    const { clock } = this.#parts;
    const hint = this.#hot.called(frontEnd, clock.nowMs());
    const outcomes = await Promise.all(
      requests.map((request, index): Promise<ForwardedOutcome> | ForwardedOutcome => {
        if (hint !== 0) return { kind: "not_taken" };
        return outcomeOf(() => append(request, { frontEnd, call, sinceSequence, index }));
      }),
    );
    const isContended = this.#hot.isContended(frontEnd, clock.nowMs());
    return { sequence: this.#stream.sequence, hint, isContended, outcomes };
  }

  /** Whether another front end has sent appends lately. */
  get isHost(): boolean {
    return this.#hot.isHost(this.#parts.clock.nowMs());
  }

  /** Whether calls are under way. */
  get isCalling(): boolean {
    return this.#sent.size > 0;
  }

  /** Whether no more calls may be. */
  get isFull(): boolean {
    return this.#sent.size >= MOST_CALLS;
  }

  /** Resolves when one of the calls under way has ended. */
  async oneEnded(): Promise<void> {
    await Promise.race(this.#sent.values());
  }

  /** Resolves when all calls that are under way have ended. */
  async allEnded(): Promise<void> {
    await Promise.all(this.#sent.values());
  }

  /**
   * Sends the appends that come first to the front end that writes to the stream, too; false where they have
   * to be decided here.
   */
  send(): boolean {
    const stream = this.#stream;
    const { clock, sender } = this.#parts;
    const target = this.target();
    if (target === undefined) return false;
    const own = this.#waiting.firstAppends();
    const others = own.findIndex((one) => one.from !== undefined || this.#back.has(one));
    const requests = own.slice(0, others < 0 ? own.length : others).map(({ request }) => request);
    const appends = own.slice(0, sender.fitting(stream, requests));
    if (appends.length === 0) return false;
    const sinceSequence = Math.max(stream.sequence, this.#seenSequence);
    const prepared = sender.prepare(stream, sinceSequence, requests.slice(0, appends.length));
    if (prepared === undefined) return false;
    const { call } = prepared;
    const sentAtMs = clock.nowMs();
    const sent = { call, appends, uncertain: new Set(appends), sinceSequence, sentAtMs };
    this.#waiting.take(appends.length);
    stream.calls ??= new Map();
    stream.calls.set(call, new Map());
    this.#sent.set(sent, sender.send(target, prepared).then((answer) => this.#onEnd(sent, answer)));
    return true;
  }

  /** Where the appends that come first go; `undefined`: they are decided here. */
  target(): number | undefined {
    const stream = this.#stream;
    const nowMs = this.#parts.clock.nowMs();
    // Of those whose outcome isn't known is made sure by a message of this front end's.
    if (this.#lost.size > 0 || stream.lifecycle !== "there") return undefined;
    if (this.#parts.isOver(stream, nowMs)) return undefined;
    return this.#hot.target(stream.callMarks.writtenBy, nowMs);
  }

  #onEnd(sent: SentCall, answer: AppendAnswer | undefined): void {
    const nowMs = this.#parts.clock.nowMs();
    this.#sent.delete(sent);
    if (answer === undefined) {
      this.#parts.onForwardTimeout();
      this.#hot.failed(nowMs);
      this.#lose(sent);
      this.#putBack(sent.appends);
      return;
    }
    this.#seenSequence = Math.max(this.#seenSequence, answer.sequence);
    const takenCount = this.#onAnswer(sent, answer);
    if (takenCount === 0) {
      this.#hot.refused(answer.hint, nowMs);
      return;
    }
    const tookMs = nowMs - sent.sentAtMs;
    this.#parts.onForwarded(takenCount);
    this.#hot.answered({ isContended: answer.isContended, tookMs }, nowMs);
    this.#follow(nowMs);
  }

  /** Answers those that were decided elsewhere, the others wait again; how many were decided. */
  #onAnswer(sent: SentCall, answer: AppendAnswer): number {
    const { appends, uncertain, call } = sent;
    const back: WaitingAppend[] = [];
    for (const [i, one] of appends.entries()) {
      const outcome = answer.outcomes[i];
      if (outcome === undefined || outcome.kind === "unknown") {
        back.push(one);
        continue;
      }
      uncertain.delete(one);
      if (outcome.kind === "not_taken") {
        back.push(one);
        continue;
      }
      this.#waiting.leaveTaken(one);
      if (outcome.kind === "appended") one.resolve(outcome.appended);
      else one.reject(outcome.error);
    }
    if (uncertain.size > 0) this.#lose(sent);
    else this.#forget(call);
    this.#putBack(back);
    return appends.length - back.length;
  }

  #putBack(appends: readonly WaitingAppend[]): void {
    for (const one of appends) this.#back.add(one);
    this.#waiting.putBack(appends);
    this.#onBack();
  }

  #lose(sent: SentCall): void {
    this.#lost.set(sent.call, sent);
  }

  #forget(call: number): void {
    const stream = this.#stream;
    this.#lost.delete(call);
    stream.calls?.delete(call);
    if (stream.calls?.size === 0) stream.calls = undefined;
  }

  /** Reads what others write meanwhile, so that it isn't much when this front end writes itself again. */
  #follow(nowMs: number): void {
    if (!hasPassed(FOLLOW_MS, this.#followedAtMs, nowMs)) return;
    this.#followedAtMs = nowMs;
    // A failure is found by who needs it.
    this.#parts.loader.jump(this.#stream, () => this.#jumpLimit()).catch(() => {});
  }

  /** What isn't answered may be in messages after this one, and would be missed there. */
  #jumpLimit(): number {
    let limit = Infinity;
    for (const { sinceSequence } of [...this.#sent.keys(), ...this.#lost.values()]) {
      limit = Math.min(limit, sinceSequence);
    }
    return limit;
  }

  /** Answers those of lost calls that were seen to be stored, and lets those go that must not be decided. */
  findStored(): void {
    const answered = new Set<WaitingAppend>();
    for (const sent of this.#lost.values()) this.#findStored(sent, answered);
    this.#giveUpMissed(answered);
    for (const one of this.#waiting.firstAppends()) {
      const { from } = one;
      if (from === undefined || answered.has(one)) continue;
      if (!this.#stream.callMarks.isRevoked(from.frontEnd, from.sinceSequence)) continue;
      answered.add(one);
      one.resolve(undefined);
    }
    this.#waiting.leave(answered);
  }

  #findStored({ call, appends, uncertain }: SentCall, answered: Set<WaitingAppend>): void {
    const stream = this.#stream;
    for (const [index, { tail, closed }] of stream.calls?.get(call) ?? []) {
      const one = appends[index];
      if (one === undefined || !uncertain.delete(one)) continue;
      answered.add(one);
      const space = spaceAt(this.#parts.spaces.of(stream), tail);
      one.resolve({ space, tail, closed, duplicate: false, producer: one.request.producer });
    }
    if (uncertain.size === 0) this.#forget(call);
  }

  /** Of calls whose messages may have been removed before they were seen nobody knows what was stored. */
  #giveUpMissed(answered: Set<WaitingAppend>): void {
    for (const { call, uncertain, sinceSequence } of [...this.#lost.values()]) {
      if (sinceSequence >= this.#stream.missedUpTo) continue;
      for (const one of uncertain) {
        answered.add(one);
        one.reject(outcomeUnknown("the stream was trimmed meanwhile."));
      }
      uncertain.clear();
      this.#forget(call);
    }
  }

  /** Whether something that was sent to another front end may be stored yet, or may have been unseen. */
  get isUncertain(): boolean {
    return this.#lost.size > 0;
  }

  /** Nothing that was sent to another front end can be stored any more, other than what was seen. */
  onDecided(): void {
    for (const call of this.#lost.keys()) this.#forget(call);
  }

  /** A client of this front end's has appended. */
  appended(): void {
    const { clock, writer } = this.#parts;
    this.#hot.appended(writer.frontEnd, clock.nowMs());
  }

  /** Another front end's message came first, and is folded. */
  lostRace(): void {
    this.#hot.lostRace(this.#stream.callMarks.writtenBy, this.#parts.clock.nowMs());
  }

  /** Refuses appends; of those that another front end may store nothing else is known. */
  reject(group: readonly WaitingAppend[], error: unknown): void {
    for (const one of group) {
      if (this.#wasLost(one)) one.reject(outcomeUnknown("another front end may have stored it."));
      else if (error === undefined) one.resolve(undefined);
      else one.reject(error);
    }
  }

  #wasLost(one: WaitingAppend): boolean {
    for (const { call, uncertain } of this.#lost.values()) {
      if (!uncertain.delete(one)) continue;
      if (uncertain.size === 0) this.#forget(call);
      return true;
    }
    return false;
  }
}

async function outcomeOf(append: () => Promise<Appended | undefined>): Promise<ForwardedOutcome> {
  try {
    const appended = await append();
    return appended === undefined ? { kind: "not_taken" } : { kind: "appended", appended };
  } catch (error) {
    if (isRefusal(error)) return { kind: "refused", error };
    // There was no room for it, and it never came into the queue.
    const isTooMuch = error instanceof StreamError && error.code === "overloaded";
    return { kind: isTooMuch ? "not_taken" : "unknown" };
  }
}
