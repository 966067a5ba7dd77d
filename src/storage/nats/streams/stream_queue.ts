import type { Clock } from "../../../env/clock.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { OffsetSpaces } from "../../offset_spaces.ts";
import type { Appended, AppendRequest } from "../../storage.ts";
import type { AppendSender } from "./append_sender.ts";
import { Draft, type Verdict } from "./draft.ts";
import type { Folder } from "./folder.ts";
import { AppendForwarding } from "./append_forwarding.ts";
import type { AppendAnswer, AppendCall } from "./forward_wire.ts";
import {
  type Origin,
  type WaitingAppend,
  type WaitingEvent,
  WaitingQueue,
} from "./waiting_queue.ts";
import { storedCalls } from "./stored_appends.ts";
import type { NewMessage } from "../jetstream.ts";
import type { StreamMessage } from "../format/message.ts";
import { CALL_BYTES, CALL_REQUEST_BYTES, CALLS_BYTES } from "../format/stored_calls.ts";
import { appendHeadBytes, appendsOverheadBytes, withOwnData } from "../format/message.ts";
import { type EventKind, type MessageWriter } from "./message_writer.ts";
import type { NatsStream } from "./nats_stream.ts";
import { newMessage } from "./new_message.ts";
import type { NatsSettings } from "../options.ts";
import { invariant } from "../../invariant.ts";
import { yieldToEventLoop } from "../../yield_to_event_loop.ts";
import { pause } from "../cluster/pause.ts";
import type { Publisher } from "../cluster/publisher.ts";
import { outcomeUnknown } from "../cluster/unreachable.ts";
import type { QueueRoom } from "./queue_room.ts";
import type { StreamLoader } from "./stream_loader.ts";
import type { Subjects } from "../cluster/subjects.ts";

/** After each lost race in a row, so much longer at most: whoever won goes on meanwhile, in larger groups. */
const RACE_PAUSE_MS = 4;
const MOST_RACE_PAUSES = 16;
/** What all queues work on. */
export interface QueueParts {
  readonly settings: NatsSettings;
  readonly clock: Clock;
  readonly subjects: Subjects;
  readonly publisher: Publisher;
  readonly loader: StreamLoader;
  readonly folder: Folder;
  readonly writer: MessageWriter;
  readonly spaces: OffsetSpaces;
  readonly room: QueueRoom;
  readonly sender: AppendSender;
  /** Whether a stream's time is over. */
  isOver(stream: NatsStream, nowMs: number): boolean;
  /** Called after messages of this front end's were stored and folded, before anyone is answered. */
  onStored(stream: NatsStream, message: StreamMessage, start: number): void;
  /** Called where an append that changed nothing was a use of the stream. */
  onUsed(stream: NatsStream): void;
  /** A group was decided anew, since another front end's message came first. */
  onRaceLost(): void;
  /** Another front end has decided so many appends for this one. */
  onForwarded(count: number): void;
  /** Another front end has not answered in time. */
  onForwardTimeout(): void;
}

/**
 * What is written to one stream: a message at a time, since the cluster refuses a second one under way,
 * and whatever comes meanwhile waits. What waits is decided together on a draft, and goes as one message
 * with the stream's sequence as its expectation. So the answers, refusals too, rest on a state that was
 * the newest when the message was stored.
 */
export class StreamQueue {
  readonly #parts: QueueParts;
  readonly #stream: NatsStream;
  readonly #waiting: WaitingQueue;
  readonly #forwarding: AppendForwarding;
  #isRunning = false;
  #running: Promise<void> | undefined;
  /** In a row. */
  #lostRaces = 0;

  constructor(parts: QueueParts, stream: NatsStream) {
    this.#parts = parts;
    this.#stream = stream;
    this.#waiting = new WaitingQueue(parts.room);
    this.#forwarding = new AppendForwarding(parts, stream, this.#waiting, () => this.#start());
  }

  /** Whether nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return !this.#isRunning && !this.#forwarding.isCalling;
  }

  /** Resolves once nothing waits and nothing is under way. */
  async idle(): Promise<void> {
    while (!this.isIdle) {
      await this.#running;
      await this.#forwarding.allEnded();
    }
  }

  /**
   * Appends; `undefined` where the stream isn't there any more: its name may be another one's.
   *
   * @throws {StreamError} as `Storage.append`
   */
  append(request: AppendRequest): Promise<Appended | undefined> {
    this.#forwarding.appended();
    return this.#append(request);
  }

  /** Decides appends that another front end has sent, in this one's messages. They are never sent on. */
  take(call: AppendCall): Promise<AppendAnswer> {
    return this.#forwarding.take(call, (request, from) => this.#append(request, from));
  }

  #append(request: AppendRequest, from?: Origin): Promise<Appended | undefined> {
    const bytes = this.#waiting.enter(request);
    return new Promise((resolve, reject) => {
      const order = this.#waiting.nextOrder();
      this.#add({ kind: "append", order, request, bytes, from, resolve, reject });
    });
  }

  /**
   * Records an event that is decided when its turn comes.
   *
   * @param decide on the stream as it is known then; again where that is found to be old
   * @returns the event that was recorded; `undefined` where there was nothing to be recorded
   * @throws {StreamError} what `decide` throws; `storage_unreachable`
   */
  record(
    decide: () => EventKind | undefined | Promise<EventKind | undefined>,
  ): Promise<EventKind | undefined> {
    return new Promise((resolve, reject) => {
      this.#add({ kind: "event", order: this.#waiting.nextOrder(), decide, resolve, reject });
    });
  }

  #add(one: WaitingAppend | WaitingEvent): void {
    this.#waiting.add(one);
    this.#start();
  }

  #start(): void {
    if (this.#isRunning || this.#waiting.first === undefined) return;
    this.#isRunning = true;
    // A turn later: what came with it in one turn of the event loop goes with it in one message.
    this.#running = Promise.resolve().then(() => this.#run());
  }

  async #run(): Promise<void> {
    for (let next; (next = this.#waiting.first) !== undefined;) {
      if (next.kind === "append" && this.#forwarding.target() !== undefined) {
        if (await this.#send()) continue;
      }
      // What is decided here comes behind what was sent before it.
      if (this.#forwarding.isCalling) await this.#forwarding.allEnded();
      else if (next.kind === "append") await this.#runAppends();
      else {
        this.#waiting.drop(1);
        await this.#runEvent(next);
      }
    }
    this.#isRunning = false;
  }

  /** Sends what comes first to another front end; false where it has to be decided here. */
  async #send(): Promise<boolean> {
    if (this.#forwarding.isFull) {
      await this.#forwarding.oneEnded();
      return true;
    }
    // What comes in the same turn of the event loop goes with it.
    await yieldToEventLoop();
    return this.#forwarding.send();
  }

  async #runEvent({ decide, resolve, reject }: WaitingEvent): Promise<void> {
    const stream = this.#stream;
    const { writer, clock, loader } = this.#parts;
    try {
      for (;;) {
        const { sequence } = stream;
        const event = await decide();
        if (event === undefined) {
          // Decided on what this front end knows, which may be old; what is gone stays gone.
          if (stream.lifecycle !== "deleted") await loader.confirm(stream);
          if (stream.sequence === sequence) return resolve(undefined);
        } else if (stream.sequence === sequence) {
          // Otherwise something was read while it was decided, and it rests on what is old.
          if (await this.#store([writer.event(stream, event, clock.nowMs())])) {
            this.#lostRaces = 0;
            return resolve(event);
          }
        }
      }
    } catch (error) {
      reject(error);
    }
  }

  /** The appends that come first in the queue, as many as fit into one message. */
  async #runAppends(): Promise<void> {
    const stream = this.#stream;
    const { clock, loader, room } = this.#parts;
    let group: WaitingAppend[] = [];
    // Those that were answered with the last group may come again: without a turn for that, two front ends'
    // appends would take turns instead of going together.
    if (this.#forwarding.isHost) await yieldToEventLoop();
    try {
      for (let attempt = 0;; attempt++) {
        group = [];
        this.#forwarding.findStored();
        // Others win: rather than to go on, they are asked to take it.
        if (attempt > 0 && this.#forwarding.target() !== undefined) return;
        group = this.#waiting.firstAppends();
        if (group.length === 0) return;
        const nowMs = Math.max(clock.nowMs(), stream.lastAtMs);
        if (stream.lifecycle !== "there" || this.#parts.isOver(stream, clock.nowMs())) {
          // Whoever asks finds out what stands under the name now, and that may be another stream.
          this.#waiting.drop(group.length);
          this.#forwarding.reject(group, undefined);
          return;
        }
        const { draft, verdicts } = this.#decide(group, nowMs);
        group = group.slice(0, verdicts.length);
        const isMoot = draft.appends.length === 0;
        if (isMoot && !this.#forwarding.isUncertain) {
          // Decided on what this front end knows, which may be old.
          const { sequence } = stream;
          await loader.confirm(stream);
          if (stream.sequence !== sequence || stream.lifecycle !== "there") continue;
          if (draft.hasDuplicate) this.#parts.onUsed(stream);
        } else {
          const messages = this.#messages(draft, nowMs, group, verdicts);
          if (!(await this.#store(messages))) continue;
          this.#lostRaces = 0;
          this.#forwarding.onDecided();
        }
        this.#waiting.drop(group.length);
        return answer(group, verdicts);
      }
    } catch (error) {
      if (group.length === 0) group = this.#waiting.firstAppends();
      this.#waiting.drop(group.length);
      this.#forwarding.reject(group, error);
    } finally {
      room.leave(group.reduce((sum, { bytes }) => sum + bytes, 0));
    }
  }

  /** The message, or the parts of one, by which a group is decided. */
  #messages(
    draft: Draft,
    nowMs: number,
    group: readonly WaitingAppend[],
    verdicts: readonly Verdict[],
  ): StreamMessage[] {
    const { writer, settings } = this.#parts;
    if (draft.appends.length === 0) {
      // What another front end may store yet has to be told that it is decided, also by a refusal.
      return [writer.event(this.#stream, { kind: "touched" }, nowMs)];
    }
    const limitBytes = settings.jetStream.messageLimitBytes;
    const messages = writer.appends(this.#stream, draft, nowMs, limitBytes);
    const calls = storedCalls(group.map(({ from }, i) => {
      const verdict = verdicts[i];
      const isStored = verdict?.kind === "appended" && !verdict.appended.duplicate;
      return { from, isStored };
    }));
    if (calls === undefined) return messages;
    return messages.map((message) => {
      invariant(message.kind === "appends", "what is sent on is much shorter than a message");
      return { ...message, calls };
    });
  }

  #decide(
    group: readonly WaitingAppend[],
    nowMs: number,
  ): { draft: Draft; verdicts: Verdict[] } {
    const stream = this.#stream;
    const { settings, spaces } = this.#parts;
    const draft = new Draft(stream, spaces.of(stream), nowMs, settings.maxProducersPerStream);
    const limitBytes = Math.min(settings.groupBytes, settings.jetStream.messageLimitBytes);
    let roomBytes = limitBytes - appendsOverheadBytes([]) - CALLS_BYTES;
    const verdicts: Verdict[] = [];
    let last: Origin | undefined;
    for (const { request, from } of group) {
      if (from !== undefined) {
        const isSame = from.frontEnd === last?.frontEnd && from.call === last.call;
        roomBytes -= CALL_REQUEST_BYTES + (isSame ? 0 : CALL_BYTES);
      }
      last = from;
      roomBytes -= appendHeadBytes({
        producer: request.producer,
        seq: request.seq,
        close: false,
      });
      const verdict = draft.decide(request, roomBytes - draft.dataBytes);
      if (verdict === undefined) break;
      verdicts.push(verdict);
      if (roomBytes <= draft.dataBytes) break;
    }
    return { draft, verdicts };
  }

  /**
   * Stores messages that stand where the stream ends; false where another one came first: the stream has it
   * then.
   *
   * @throws {StreamError} where that isn't known, or the cluster can't take it
   */
  async #store(messages: readonly StreamMessage[]): Promise<boolean> {
    const stream = this.#stream;
    const { publisher, subjects } = this.#parts;
    const [first] = messages;
    if (first === undefined) return true;
    const { tail, sequence } = stream;
    const inFlight: { readonly count: number; sequence: number | undefined } = {
      count: first.count,
      sequence: undefined,
    };
    stream.inFlight = inFlight;
    try {
      const toStore = messages.map((message) => newMessage(subjects, stream, message));
      const published = await publisher.publish(toStore);
      // A notice may have shown that it was stored, though no acknowledgement came.
      const isSeen = inFlight.sequence !== undefined;
      if (published.kind === "failed" && !isSeen) throw published.error;
      if (published.kind === "stored") {
        await this.#foldStored(messages, toStore, published.sequence);
        this.#parts.onStored(stream, first, tail);
        return true;
      }
      if (published.kind === "refused" && !isSeen) {
        await this.#afterLostRace(published.lastSequence, sequence);
      }
      // An attempt whose outcome was unknown was stored after all, and is seen now. The other way round:
      // since the stream has another message in its place, no late attempt can be stored any more.
      if (inFlight.sequence === undefined) {
        if (published.kind === "refused" && published.mayBeOurs) checkSeen(stream, sequence);
        return false;
      }
      this.#parts.onStored(stream, first, tail);
      return true;
    } finally {
      stream.inFlight = undefined;
    }
  }

  /** Reads what came first. */
  async #afterLostRace(lastSequence: number | undefined, expected: number): Promise<void> {
    const stream = this.#stream;
    const { loader, clock, settings } = this.#parts;
    this.#parts.onRaceLost();
    const isUnderWay = lastSequence === undefined || lastSequence <= expected;
    // Who has just lost one race would most likely lose the next one, too.
    const pauses = Math.min(++this.#lostRaces, MOST_RACE_PAUSES);
    if (isUnderWay || pauses > 1) await pause(clock, RACE_PAUSE_MS * pauses * settings.random());
    // What is under way may come to nothing, and then nothing is new.
    if (isUnderWay) await loader.confirm(stream);
    else await loader.catchUp(stream, lastSequence);
    this.#forwarding.lostRace();
  }

  /** Folds what was just stored, unless it was seen by another way already. */
  async #foldStored(
    messages: readonly StreamMessage[],
    stored: readonly NewMessage[],
    lastSequence: number,
  ): Promise<void> {
    const stream = this.#stream;
    const { folder, loader } = this.#parts;
    const [message] = messages;
    const [only] = stored;
    const isOnly = message !== undefined && only !== undefined && stored.length === 1;
    if (isOnly && stream.sequence === only.expectedSequence) {
      folder.fold(stream, withOwnData(message, only.payload), lastSequence);
    } else if (stream.sequence < lastSequence) {
      // The sequences of all but the last part aren't told.
      await loader.catchUp(stream, lastSequence);
    }
  }
}

function answer(group: readonly WaitingAppend[], verdicts: readonly Verdict[]): void {
  for (const [i, one] of group.entries()) {
    const verdict = verdicts[i];
    if (verdict?.kind === "appended") one.resolve(verdict.appended);
    else {one.reject(
        verdict?.error ?? new StreamError({ code: "storage_failed" }, "It was not decided."),
      );}
  }
}

/**
 * Of messages that were removed before they were seen nobody knows whether one of unknown outcome was among
 * them. A stream that goes takes its messages along, too: whether one of unknown outcome was among them can only be
 * seen where the last one says that it followed directly what that one would have followed.
 *
 * @throws {StreamError} `storage_unreachable`
 */
function checkSeen(stream: NatsStream, expected: number): void {
  if (expected < stream.missedUpTo) throw outcomeUnknown("the stream was trimmed meanwhile.");
  if (stream.lifecycle !== "deleted" || stream.gone?.previousSequence === expected) return;
  throw outcomeUnknown("the stream was deleted meanwhile.");
}
