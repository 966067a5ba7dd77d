import type { Clock } from "../../../env/clock.ts";
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

/** So often is a stream read whose appends are sent to another front end. */
const FOLLOW_MS = 250;

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
}

/** Appends that were sent to another front end, and that may be stored. */
interface LostCall {
  readonly appends: readonly WaitingAppend[];
  /** Those of them that are neither stored nor answered, as far as is known. */
  readonly uncertain: Set<WaitingAppend>;
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
  #lost: LostCall | undefined;
  /** The newest message with appends that another front end has decided for this one. */
  #forwardedSequence = 0;
  #followedAtMs = 0;

  constructor(parts: ForwardingParts, stream: NatsStream, waiting: WaitingQueue) {
    this.#parts = parts;
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
    return { sequence: this.#stream.callMarks.newestOf(frontEnd), hint, isContended, outcomes };
  }

  /**
   * Sends the appends that come first to the front end that writes to the stream, too; false where they have
   * to be decided here.
   */
  async forward(): Promise<boolean> {
    const stream = this.#stream;
    const { clock, sender } = this.#parts;
    const startMs = clock.nowMs();
    const target = this.target();
    if (target === undefined) return false;
    const own = this.#waiting.firstAppends();
    const others = own.findIndex(({ from }) => from !== undefined);
    const requests = own.slice(0, others < 0 ? own.length : others).map(({ request }) => request);
    const appends = own.slice(0, sender.fitting(requests));
    if (appends.length === 0) return false;
    const sinceSequence = Math.max(stream.sequence, this.#forwardedSequence);
    const call = sender.prepare(stream, sinceSequence, requests.slice(0, appends.length));
    if (call === undefined) return false;
    stream.calling = { call: call.call, stored: new Map() };
    const answer = await sender.send(target, call);
    const nowMs = clock.nowMs();
    if (answer === undefined) {
      this.#lost = { appends, uncertain: new Set(appends) };
      this.#hot.failed(nowMs);
      return false;
    }
    return this.#onAnswer(appends, answer, nowMs - startMs);
  }

  /** Where the appends that come first go; `undefined`: they are decided here. */
  target(): number | undefined {
    const stream = this.#stream;
    const nowMs = this.#parts.clock.nowMs();
    // Of those whose outcome isn't known is made sure by a message of this front end's.
    if (this.#lost !== undefined || stream.lifecycle !== "there") return undefined;
    if (this.#parts.isOver(stream, nowMs)) return undefined;
    return this.#hot.target(stream.callMarks.writtenBy, nowMs);
  }

  /** Answers those that were decided elsewhere; whether there are such. */
  #onAnswer(appends: readonly WaitingAppend[], answer: AppendAnswer, tookMs: number): boolean {
    const { clock } = this.#parts;
    const uncertain = new Set<WaitingAppend>();
    const taken = new Set<WaitingAppend>();
    for (const [i, one] of appends.entries()) {
      const outcome = answer.outcomes[i];
      if (outcome === undefined || outcome.kind === "unknown") uncertain.add(one);
      else if (outcome.kind !== "not_taken") {
        taken.add(one);
        if (outcome.kind === "appended") one.resolve(outcome.appended);
        else one.reject(outcome.error);
      }
    }
    this.#waiting.leave(taken);
    this.#parts.onForwarded(taken.size);
    this.#forwardedSequence = Math.max(this.#forwardedSequence, answer.sequence);
    if (uncertain.size > 0) this.#lost = { appends, uncertain };
    else this.#stream.calling = undefined;
    const nowMs = clock.nowMs();
    if (taken.size === 0) this.#hot.refused(answer.hint, nowMs);
    else {
      this.#hot.answered({ isContended: answer.isContended, tookMs }, nowMs);
      this.#follow(nowMs);
    }
    return taken.size > 0 && uncertain.size === 0;
  }

  /** Reads what others write meanwhile, so that it isn't much when this front end writes itself again. */
  #follow(nowMs: number): void {
    if (nowMs - this.#followedAtMs < FOLLOW_MS) return;
    this.#followedAtMs = nowMs;
    // A failure is found by who needs it.
    this.#parts.loader.catchUp(this.#stream, this.#forwardedSequence).catch(() => {});
  }

  /** Answers those of a lost call that were seen to be stored, and lets those go that must not be decided. */
  findStored(): void {
    const stream = this.#stream;
    const { spaces } = this.#parts;
    const answered = new Set<WaitingAppend>();
    for (const [index, { tail, closed }] of stream.calling?.stored ?? []) {
      const one = this.#lost?.appends[index];
      if (one === undefined || this.#lost?.uncertain.delete(one) !== true) continue;
      answered.add(one);
      const space = spaceAt(spaces.of(stream), tail);
      one.resolve({ space, tail, closed, duplicate: false, producer: one.request.producer });
    }
    if (this.#lost?.uncertain.size === 0) this.onDecided();
    for (const one of this.#waiting.firstAppends()) {
      const { from } = one;
      if (from === undefined || answered.has(one)) continue;
      if (!stream.callMarks.isRevoked(from.frontEnd, from.sinceSequence)) continue;
      answered.add(one);
      one.resolve(undefined);
    }
    this.#waiting.leave(answered);
  }

  /** Whether something that was sent to another front end may be stored yet, or may have been unseen. */
  get isUncertain(): boolean {
    return this.#lost !== undefined;
  }

  /** Nothing that was sent to another front end can be stored any more, other than what was seen. */
  onDecided(): void {
    this.#lost = undefined;
    this.#stream.calling = undefined;
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
      const isUncertain = this.#lost?.uncertain.delete(one) === true;
      if (isUncertain) one.reject(outcomeUnknown("another front end may have stored it."));
      else if (error === undefined) one.resolve(undefined);
      else one.reject(error);
    }
    if (this.#lost?.uncertain.size === 0) this.onDecided();
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
