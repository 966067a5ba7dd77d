import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { tokenPosition } from "../../../protocol/offset.ts";
import { pause, Pauses } from "../../api/pause.ts";
import { asApiError, isAbort, messageOf } from "../../api/request.ts";
import { fetchDetails, type StreamDetails } from "../../api/streams.ts";
import { readEarlier } from "../../reading/earlier.ts";
import { contentOf, LiveRead, type ReadPlace, type ReadState } from "../../reading/live_read.ts";
import type { Message, UnnumberedMessage } from "../../reading/message.ts";
import { MessageRing } from "../../reading/message_ring.ts";
import type { Content } from "../../reading/split.ts";
import { reach } from "../../state/feed.ts";
import { Selection } from "./selection.ts";

/** What the page holds of a stream at most. */
const LIMITS = { messages: 50_000, bytes: 32 * 1024 * 1024 };
/** A stream is entered so far before its tail. */
const FIRST_BYTES = 64 * 1024;
/** Where nobody follows, so much is read ahead of what is shown. */
const AHEAD_MESSAGES = 2_000;
const AHEAD_BYTES = 4 * 1024 * 1024;

/** Whether a message is one that is looked for. */
export type MessageTest = (message: Message) => boolean;

/** One stream as somebody looks at it: what was read of it, and whether the view follows its end. */
export class LookSession {
  readonly name: string;
  readonly details: Signal<StreamDetails | undefined> = signal(undefined);
  readonly state: Signal<ReadState> = signal({ kind: "connecting" });
  /** Whether the view stays at the stream's end. */
  readonly isFollowing = signal(true);
  /** Counts up, at most once a frame, when what is loaded has changed. */
  readonly frame = signal(0);
  readonly arrived = signal(0);
  /** The offset behind the newest message that was read. */
  readonly next = signal("");
  /** Whether all that the server had has been read. */
  readonly isUpToDate = signal(false);
  /** Why older messages couldn't be loaded. */
  readonly problem = signal<string | undefined>(undefined);
  readonly isLoadingEarlier = signal(false);
  readonly contentType: ReadonlySignal<string> = computed(() =>
    this.details.value?.contentType ?? ""
  );
  ring = new MessageRing(LIMITS);
  /** The messages that are shown. */
  selection: Selection = new Selection(this.ring);
  /** Those of them that have what is searched for. */
  matches: Selection = new Selection(this.ring, () => false);
  #filter: MessageTest | undefined;
  #search: MessageTest | undefined;
  /** The last row that is on the screen: reading ahead is counted from there. */
  lastShown = 0;
  /** The match that a search went to last. */
  searchedAt: number | undefined;
  #read: LiveRead | undefined;
  #end = new AbortController();
  /** Whether it is known what the stream is, as far as somebody has asked last. */
  #isKnown = false;
  #frameRequest = 0;
  #aheadBytes = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** What the stream's messages are. */
  get content(): Content {
    return contentOf(this.contentType.value);
  }

  /** The offset of the stream's tail, as far as it is known: what was read may end far before it. */
  get tail(): string {
    const read = this.next.value;
    const told = this.details.value?.nextOffset ?? "";
    return (tokenPosition(told) ?? 0) > (tokenPosition(read) ?? 0) || read === "" ? told : read;
  }

  /** Whether the stream is closed, as far as it is known. */
  get isClosed(): boolean {
    return this.details.value?.closed === true || this.state.value.kind === "ended";
  }

  /** Looks at the stream from a place on; its last messages unless one is given. */
  async open(place: ReadPlace | undefined): Promise<void> {
    this.close();
    const end = new AbortController();
    this.#end = end;
    this.#isKnown = false;
    // Each time: what is here may have been made again, as something else.
    const isKnown = await this.#ask(end.signal);
    if (end.signal.aborted || !isKnown) return;
    this.#isKnown = true;
    this.#start(place);
  }

  /** Asks what the stream is until there is an answer; false where it is one that ends it. */
  async #ask(signal: AbortSignal): Promise<boolean> {
    const pauses = new Pauses();
    while (!signal.aborted) {
      try {
        await this.refresh(signal);
        return true;
      } catch (thrown) {
        if (isAbort(thrown) || signal.aborted) return false;
        const error = asApiError(thrown);
        if (!error.isPassing) {
          this.state.value = { kind: "failed", error };
          return false;
        }
        this.#tell({ kind: "retrying", reason: error.message });
        await pause(pauses.next(error.retryAfterMs), signal);
      }
    }
    return false;
  }

  /** Asks anew what the stream is. */
  async refresh(signal?: AbortSignal): Promise<void> {
    const isReading = this.state.value.kind === "live";
    const details = await fetchDetails(this.name, signal);
    const { readers } = details;
    // The page's own read isn't counted: others are what one wants to know.
    const others = typeof readers === "number" && isReading ? Math.max(0, readers - 1) : readers;
    this.details.value = { ...details, readers: others ?? null };
  }

  /** Goes to another place; to its last messages unless one is given. */
  jump(place: ReadPlace | undefined): void {
    // How its answers are taken apart isn't known before, and what opens it would read it, too.
    if (!this.#isKnown) return void this.open(place);
    this.#read?.close();
    this.#start(place);
  }

  /** Goes on at the stream's end. */
  follow(): void {
    this.isFollowing.value = true;
    if (!this.isUpToDate.value && this.state.value.kind === "held") {
      this.jump(undefined);
    }
    this.#read?.wake();
    this.#draw();
  }

  /** Stays where the view is. */
  pause(): void {
    this.isFollowing.value = false;
  }

  /** Tells which row is the last that can be seen. */
  show(number: number): void {
    this.lastShown = number;
    if (this.state.value.kind === "held" && !this.#shouldHold()) this.#read?.wake();
  }

  /** Loads what comes before the oldest message; says how many there were. */
  async loadEarlier(): Promise<number> {
    const oldest = this.ring.at(this.ring.first);
    if (oldest === undefined || this.isLoadingEarlier.value || this.ring.isFull) return 0;
    this.isLoadingEarlier.value = true;
    this.problem.value = undefined;
    try {
      const { signal } = this.#end;
      const before = this.ring.size;
      const ring = this.ring;
      const found = await readEarlier(
        this.name,
        this.content,
        oldest.start,
        this.tail,
        signal,
      );
      if (ring !== this.ring || this.ring.at(oldest.number) === undefined) return 0;
      this.ring.prepend(found);
      this.selection.reset();
      this.matches.reset();
      this.#draw();
      return this.ring.size - before;
    } catch (error) {
      if (!isAbort(error)) this.problem.value = messageOf(error);
      return 0;
    } finally {
      this.isLoadingEarlier.value = false;
    }
  }

  /** Shows only the messages that a condition takes, or all, and finds those that have a text. */
  select(filter: MessageTest | undefined, search: MessageTest | undefined): void {
    this.#filter = filter;
    this.#search = search;
    this.selection.close();
    this.matches.close();
    const draw = () => this.#draw();
    this.selection = new Selection(this.ring, filter, draw);
    const matches: MessageTest = (message) =>
      search !== undefined && search(message) && (filter === undefined || filter(message));
    this.matches = new Selection(this.ring, search === undefined ? () => false : matches, draw);
    this.#updateSelections();
    this.#draw();
  }

  /** Ends its connection. */
  close(): void {
    this.#end.abort();
    this.#read?.close();
    this.selection.close();
    this.matches.close();
    cancelAnimationFrame(this.#frameRequest);
    this.#frameRequest = 0;
  }

  #start(place: ReadPlace | undefined): void {
    this.isFollowing.value = place === undefined || "tail" in place;
    this.ring = new MessageRing(LIMITS);
    this.select(this.#filter, this.#search);
    this.isUpToDate.value = false;
    this.arrived.value = 0;
    this.#pending = { next: "", isUpToDate: false, arrived: 0 };
    this.lastShown = 0;
    this.#aheadBytes = 0;
    this.#read = new LiveRead(this.name, this.content, place ?? { tail: FIRST_BYTES }, {
      onState: (state) => this.#tell(state),
      onStart: (start) => this.next.value = start,
      onMessages: (messages, next, isUpToDate) => this.#add(messages, next, isUpToDate),
      onTrimmed: () => this.problem.value = "Some that came next was trimmed before it was read.",
      shouldHold: () => this.#shouldHold(),
    });
    this.#draw();
  }

  /** As long as a stream is looked at, its read is the page's only connection. */
  #tell(state: ReadState): void {
    this.state.value = state;
    if (state.kind === "live") reach.value = "connected";
    if (state.kind === "retrying") reach.value = "away";
  }

  #add(messages: readonly UnnumberedMessage[], next: string, isUpToDate: boolean): void {
    this.ring.push(messages);
    this.#aheadBytes += messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
    this.#updateSelections();
    this.#pending = { next, isUpToDate, arrived: this.#pending.arrived + messages.length };
    this.#draw();
  }

  #updateSelections(): void {
    this.selection.update();
    this.matches.update();
  }

  /** What was read and isn't drawn yet. */
  #pending = { next: "", isUpToDate: false, arrived: 0 };

  #shouldHold(): boolean {
    if (this.isFollowing.value) {
      this.#aheadBytes = 0;
      return false;
    }
    const ahead = this.ring.next - this.lastShown;
    if (ahead < AHEAD_MESSAGES / 2) this.#aheadBytes = 0;
    return ahead > AHEAD_MESSAGES || this.#aheadBytes > AHEAD_BYTES;
  }

  /** Whatever happens until the next frame is drawn together. */
  #draw(): void {
    if (this.#frameRequest !== 0) return;
    this.#frameRequest = requestAnimationFrame(() => {
      this.#frameRequest = 0;
      const { next, isUpToDate, arrived } = this.#pending;
      if (next !== "") {
        this.next.value = next;
        this.isUpToDate.value = isUpToDate;
      }
      this.arrived.value += arrived;
      this.#pending = { next: "", isUpToDate: false, arrived: 0 };
      this.frame.value++;
    });
  }
}
