import type { ListedStream } from "../../../client/transport/list.ts";
import { tokenPosition } from "../../../protocol/offset.ts";
import { CopiedStream, type CopySettings, GoneMeanwhile } from "./copied_stream.ts";
import { type ForkSource, ForkSources } from "./fork_source.ts";
import { inParallel } from "./in_parallel.ts";
import { isOfOneStream, type Outcome, Refusal } from "./outcome.ts";
import { selected, type Selection } from "./selection.ts";

/** What a copy is of, and what is told of it. */
export interface RoundOptions extends CopySettings {
  readonly selection: Selection;
  /** How many streams are copied at once. */
  readonly parallel: number;
  /** A stream with other content at the target is no failure. */
  readonly skipsExisting: boolean;
  /** Streams are kept in mind for a next round. */
  readonly follows: boolean;
  onOutcome(name: string, outcome: Outcome): Promise<void>;
}

/** What a round found to do as it began. */
export interface Lag {
  readonly streams: number;
  /** Streams of which the target lacks something. */
  readonly behind: number;
  /** How much, as far as offsets tell. */
  readonly bytes: number;
  /** Streams that were refused or failed, so that they are left alone. */
  readonly leftOut: number;
}

/** A copy of streams, round by round: each brings the target to where the source was. */
export class CopyRounds {
  readonly #options: RoundOptions;
  readonly #forkSources = new ForkSources();
  readonly #streams = new Map<string, CopiedStream>();
  /** Those of which the target doesn't have what the source has. */
  readonly #failed = new Set<string>();
  readonly #missing = new Set<string>();

  constructor(options: RoundOptions) {
    this.#options = options;
  }

  /**
   * Copies what the target lacks now. Sources of forks come before their forks.
   *
   * @throws {ClientError} a failure that concerns all streams
   */
  async run(): Promise<Lag> {
    const { parallel } = this.#options;
    const forks: ListedStream[] = [];
    const lag = { streams: 0, behind: 0, bytes: 0, leftOut: 0 };
    const seen = new Set<string>();
    const others = this.#changed(forks, seen, lag);
    await inParallel(others, parallel, (stream) => this.#copy(stream));
    for (const level of this.#levels(forks)) {
      await inParallel(level, parallel, (stream) => this.#copy(stream));
    }
    await this.#noteGone(seen);
    return { ...lag, leftOut: this.#failed.size };
  }

  /** The streams of which there is something to copy; forks are put by. */
  async *#changed(
    forks: ListedStream[],
    seen: Set<string>,
    lag: Record<"streams" | "behind" | "bytes", number>,
  ): AsyncIterableIterator<ListedStream> {
    const { from, selection, signal, follows } = this.#options;
    const missing: string[] = [];
    const onMissing = (name: string) => missing.push(name);
    for await (const stream of selected(from.session, selection, signal, onMissing)) {
      const { name } = stream;
      this.#forkSources.add(stream);
      lag.streams++;
      if (follows) seen.add(name);
      if (this.#failed.has(name)) continue;
      const known = this.#streams.get(name);
      if (known?.isAt(stream)) continue;
      lag.behind++;
      lag.bytes += bytesBetween(known?.sourceOffset, stream.nextOffset);
      if (stream.forkOffset === undefined || known !== undefined) yield stream;
      else forks.push(stream);
    }
    for (const text of missing) {
      if (this.#missing.has(text)) continue;
      this.#missing.add(text);
      // It was there, and is told as gone; or what it names may yet come.
      if (this.#streams.has(text) || (follows && !selection.areNames)) continue;
      const reason = selection.areNames
        ? "the source has no such stream"
        : "no stream's name at the source begins with it";
      await this.#options.onOutcome(text, { outcome: "missing", reason });
    }
  }

  /** Forks in the order of how many forks they branch off from, each level by itself. */
  *#levels(forks: readonly ListedStream[]): Iterable<ListedStream[]> {
    let rest = new Map(forks.map((fork) => [fork.name, fork]));
    while (rest.size > 0) {
      const level: ListedStream[] = [];
      const later = new Map<string, ListedStream>();
      for (const [name, fork] of rest) {
        const source = this.#forkSources.of(fork)?.source;
        if (source !== undefined && rest.has(source) && source !== name) later.set(name, fork);
        else level.push(fork);
      }
      // Sources can't go in a circle; where a server says so, none is made a fork before its source.
      yield level.length === 0 ? [...later.values()] : level;
      if (level.length === 0) return;
      rest = later;
    }
  }

  async #copy(listed: ListedStream): Promise<void> {
    const { name } = listed;
    const { follows, skipsExisting, onOutcome } = this.#options;
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = new CopiedStream(name, this.#options, this.#forkOf(listed));
      if (follows) this.#streams.set(name, stream);
    }
    const outcome = await outcomeOf(stream, listed, skipsExisting);
    if (outcome.outcome === "gone") this.#streams.delete(name);
    else if (!isDone(outcome)) this.#failed.add(name);
    await onOutcome(name, outcome);
  }

  /** A source of which the target has something else is none there. */
  #forkOf(listed: ListedStream): ForkSource | undefined {
    const fork = this.#forkSources.of(listed);
    if (fork?.source === undefined || !this.#failed.has(fork.source)) return fork;
    return { ...fork, source: undefined };
  }

  async #noteGone(seen: ReadonlySet<string>): Promise<void> {
    if (!this.#options.follows) return;
    for (const name of [...this.#streams.keys()]) {
      if (seen.has(name) || this.#failed.has(name)) continue;
      this.#streams.delete(name);
      const reason = "it was deleted at the source; the target keeps what was copied";
      await this.#options.onOutcome(name, { outcome: "gone", reason });
    }
  }
}

async function outcomeOf(
  stream: CopiedStream,
  listed: ListedStream,
  skipsExisting: boolean,
): Promise<Outcome> {
  try {
    return await stream.copy(listed);
  } catch (error) {
    if (error instanceof GoneMeanwhile) return { outcome: "gone", reason: error.message };
    if (error instanceof Refusal) {
      return { outcome: skipsExisting ? "skipped" : "refused", reason: error.message };
    }
    if (!isOfOneStream(error)) throw error;
    return { outcome: "failed", reason: error.message.replace(/\.$/, ""), error };
  }
}

function isDone({ outcome }: Outcome): boolean {
  return outcome !== "refused" && outcome !== "skipped" && outcome !== "failed";
}

function bytesBetween(from: string | undefined, to: string): number {
  const end = tokenPosition(to) ?? 0;
  return Math.max(0, end - (from === undefined ? 0 : tokenPosition(from) ?? end));
}
