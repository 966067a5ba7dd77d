import { hasPassed } from "../../../env/clock.ts";
import type { Forwarding } from "../options.ts";

/** So many races lost within so long: another front end writes to the stream, too. */
const LOST_RACES = 3;
const LOST_WITHIN_MS = 1000;
/** So long appends are sent on, from the last sign that both write. */
const FORWARD_MS = 3000;
/** After a call that came to nothing, or took too long, or was refused, there is none for so long. */
const AFTER_FAILURE_MS = 2000;
const AFTER_REFUSAL_MS = 200;
const SLOW_MS = 500;
/** A front end that was sent appends doesn't send its own to others for so long. */
const HOST_MS = 1000;
const MOST_SENDERS = 64;

/**
 * Whether one stream's appends are sent to another front end, and to which. All of it is a guess at what is
 * quick: whatever two front ends believe of each other, the expectation of each message decides.
 */
export class HotStream {
  readonly #frontEnd: number;
  readonly #forwarding: Forwarding;
  #lostAtMs: number[] = [];
  #target = 0;
  #untilMs = 0;
  #pausedUntilMs = 0;
  #hostUntilMs = 0;
  /** When front ends last appended by this one. */
  readonly #senders = new Map<number, number>();

  constructor(frontEnd: number, forwarding: Forwarding) {
    this.#frontEnd = frontEnd;
    this.#forwarding = forwarding;
  }

  /** Where appends go; `undefined`: they are decided here. */
  target(writtenBy: number, nowMs: number): number | undefined {
    if (this.#forwarding === "never") return undefined;
    if (this.#forwarding === "always") {
      return writtenBy === 0 || writtenBy === this.#frontEnd ? undefined : writtenBy;
    }
    return this.#isSending(nowMs) && !isWithin(AFTER_FAILURE_MS, this.#pausedUntilMs, nowMs)
      ? this.#target
      : undefined;
  }

  /** Another front end's message came first. */
  lostRace(winner: number, nowMs: number): void {
    if (winner === 0 || winner === this.#frontEnd) return;
    this.#lostAtMs = this.#lostAtMs.filter((atMs) => !hasPassed(LOST_WITHIN_MS, atMs, nowMs));
    this.#lostAtMs.push(nowMs);
    if (this.#lostAtMs.length < LOST_RACES || this.isHost(nowMs)) return;
    this.#lostAtMs = [];
    this.#target = winner;
    this.#untilMs = nowMs + FORWARD_MS;
  }

  /** A call was answered, and appends of it were taken. */
  answered({ isContended, tookMs }: { isContended: boolean; tookMs: number }, nowMs: number): void {
    if (isContended) this.#untilMs = nowMs + FORWARD_MS;
    if (tookMs > SLOW_MS) this.#pausedUntilMs = nowMs + AFTER_FAILURE_MS;
  }

  /** A call was answered, and nothing of it taken; perhaps with who would be better. */
  refused(hint: number, nowMs: number): void {
    if (hint !== 0 && hint !== this.#frontEnd) {
      this.#target = hint;
      return;
    }
    if (hint === this.#frontEnd) this.#untilMs = 0;
    this.#pausedUntilMs = nowMs + AFTER_REFUSAL_MS;
  }

  /** A call wasn't answered. */
  failed(nowMs: number): void {
    this.#pausedUntilMs = nowMs + AFTER_FAILURE_MS;
  }

  /**
   * Another one has sent appends.
   *
   * @returns who takes them rather than this one, which would have to send them on; 0: they are taken
   */
  called(sender: number, nowMs: number): number {
    if (this.#forwarding === "auto" && this.#isSending(nowMs)) {
      // Of two that send to each other the one with the smaller number takes.
      const isMutual = this.#target === sender;
      if (!isMutual || this.#frontEnd > sender) return this.#target;
      this.#untilMs = 0;
    }
    this.#hostUntilMs = nowMs + HOST_MS;
    this.appended(sender, nowMs);
    return 0;
  }

  /** Whether another one has sent appends lately. */
  isHost(nowMs: number): boolean {
    return isWithin(HOST_MS, this.#hostUntilMs, nowMs);
  }

  /** A front end has appended by this one, or this one itself. */
  appended(frontEnd: number, nowMs: number): void {
    const isNew = !this.#senders.has(frontEnd);
    if (isNew && this.#senders.size >= MOST_SENDERS) this.#senders.clear();
    this.#senders.set(frontEnd, nowMs);
  }

  /** Whether others than this sender have appended lately. */
  isContended(sender: number, nowMs: number): boolean {
    for (const [frontEnd, atMs] of this.#senders) {
      if (frontEnd !== sender && !hasPassed(LOST_WITHIN_MS, atMs, nowMs)) return true;
    }
    return false;
  }

  #isSending(nowMs: number): boolean {
    return isWithin(FORWARD_MS, this.#untilMs, nowMs);
  }
}

/** Whether a time of so many ms at most isn't over; it is where the clock was set back to before it. */
function isWithin(ms: number, untilMs: number, nowMs: number): boolean {
  return nowMs < untilMs && nowMs >= untilMs - ms;
}
