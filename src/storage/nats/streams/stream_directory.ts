import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../../env/clock.ts";
import { quote, StreamError } from "../../../protocol/errors.ts";
import type { ForkOrigin } from "../../records.ts";
import { missingSource } from "../../streams.ts";
import type { Endings } from "./endings.ts";
import type { LoadedStreams } from "./loaded_streams.ts";
import type { NameRecord } from "../format/name_record.ts";
import type { Names } from "../cluster/names.ts";
import type { NatsStream } from "./nats_stream.ts";
import { pause } from "../cluster/pause.ts";
import { damaged, type StreamLoader } from "./stream_loader.ts";
import { unreachable } from "../cluster/unreachable.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** So often is a name looked at that changes each time: somebody makes and deletes it all the time. */
const MOST_CHANGES = 100;
/** A leader that was just elected may be behind for a while. */
const EMPTY_RETRIES_MS = [50, 200, 1000];

/** What a {@link StreamDirectory} works on. */
export interface DirectoryParts {
  readonly clock: Clock;
  readonly names: Names;
  readonly loaded: LoadedStreams;
  readonly loader: StreamLoader;
  readonly endings: Endings;
  isOver(stream: NatsStream, nowMs: number): boolean;
  /** Puts a stream into memory that was just loaded. */
  add(stream: NatsStream): void;
}

/** A name under which there is nothing. */
export interface FreeName {
  /** The sequence that a new record has to expect there. */
  readonly freeSequence: number;
}

/** Finds streams by their names, as they are at a moment after each call. */
export class StreamDirectory {
  readonly #parts: DirectoryParts;
  readonly #loading = new Map<number, Promise<NatsStream | undefined>>();

  constructor(parts: DirectoryParts) {
    this.#parts = parts;
  }

  /**
   * The stream of a name, a softly deleted one too, or that the name is free. One whose time is over goes
   * with that, and what another front end has left unfinished is finished.
   *
   * What this front end knows of a name holds as long as that stream isn't gone, since no id is used again:
   * so asking for the stream's newest message answers for its name as well.
   *
   * @throws {StreamError} `damaged`, `storage_unreachable`
   */
  async find(name: string): Promise<NatsStream | FreeName> {
    const { names, loaded, loader } = this.#parts;
    for (let changes = 0; changes < MOST_CHANGES; changes++) {
      const known = loaded.byName(name);
      if (known !== undefined) {
        await loader.confirm(known);
        if (known.lifecycle === "deleted") loaded.remove(known);
        else if (await this.#isUsable(known)) return known;
        continue;
      }
      const { record, sequence } = await names.find(name);
      if (record === undefined) return { freeSequence: sequence };
      const stream = await this.load(record, sequence);
      if (stream === undefined) continue;
      if (await this.#isUsable(stream)) return stream;
    }
    throw unreachable(`${quote(name)} changes all the time.`);
  }

  /** Whether one that is known may be written to without asking; then the write itself finds out. */
  known(name: string): NatsStream | undefined {
    const stream = this.#parts.loaded.byName(name);
    return stream?.lifecycle === "there" ? stream : undefined;
  }

  /**
   * The stream of a name's record, with its sources, as of a moment after the call; `undefined` where the
   * name has another record by now.
   */
  async load(record: NameRecord, sequence: number): Promise<NatsStream | undefined> {
    const { loaded, loader, names, clock } = this.#parts;
    const { id, name } = record;
    // A source that has left memory, and that a fork still holds: there must not be two of it, since forks
    // look for theirs by its id.
    const joined = loaded.source(id) ?? await this.#loading.get(id);
    if (joined !== undefined) {
      await loader.confirm(joined);
      if (joined.lifecycle !== "deleted" && loaded.byId(id) === undefined) this.#parts.add(joined);
      return joined;
    }
    for (const delayMs of [0, ...EMPTY_RETRIES_MS]) {
      if (delayMs > 0) await pause(clock, delayMs);
      let loading = this.#loading.get(id);
      if (loading === undefined) {
        loading = this.#load(record, sequence).finally(() => this.#loading.delete(id));
        this.#loading.set(id, loading);
      }
      const stream = await loading;
      if (stream !== undefined) return stream;
      // A stream that is gone has at least a message that says so, until its name is given away.
      const now = await names.find(name);
      if (now.record?.id !== id) return undefined;
    }
    throw damaged(name, "the cluster has no message of it any more");
  }

  async #load(record: NameRecord, sequence: number): Promise<NatsStream | undefined> {
    const { loader, loaded, add } = this.#parts;
    const stream = await loader.load(record, sequence);
    if (stream === undefined) return undefined;
    if (record.fork !== undefined) await this.#attachSource(stream, record.fork);
    const other = loaded.source(record.id);
    if (other !== undefined) return other;
    if (stream.lifecycle !== "deleted") add(stream);
    return stream;
  }

  /** Gives a fork its source, unless the fork is gone. */
  async #attachSource(stream: NatsStream, fork: ForkOrigin): Promise<void> {
    const isGone = () => stream.lifecycle === "deleted";
    if (isGone()) return;
    try {
      this.#parts.loaded.setSource(stream, await this.#source(fork));
    } catch (error) {
      if (!(error instanceof StreamError) || error.code !== "damaged") throw error;
      // The fork may have gone meanwhile, and its source with it.
      await this.#parts.loader.confirm(stream);
      if (!isGone()) throw error;
    }
  }

  /** The source of a fork: its name stays its own as long as it has forks. */
  async #source({ sourceId, sourceName, point }: ForkOrigin): Promise<NatsStream> {
    const { loaded, loader } = this.#parts;
    const known = loaded.source(sourceId);
    if (known !== undefined) {
      // Known from before the fork was made, perhaps: the bytes that the fork begins with came later.
      if (known.tail < point) await loader.confirm(known);
      return known;
    }
    const { record, sequence } = await this.#parts.names.find(sourceName);
    const source = record?.id === sourceId ? await this.load(record, sequence) : undefined;
    if (source === undefined || source.lifecycle === "deleted") throw missingSource(sourceId);
    return source;
  }

  /** Whether a stream is there or softly deleted; otherwise it is out of the way when this resolves. */
  async #isUsable(stream: NatsStream): Promise<boolean> {
    const { endings, clock, isOver } = this.#parts;
    if (stream.lifecycle === "deleted") {
      // Its name is its own still: whoever ended it didn't come to the rest.
      if (stream.fork !== undefined && stream.source === undefined) {
        const source = await this.#source(stream.fork).catch(() => undefined);
        if (source !== undefined) this.#parts.loaded.setSource(stream, source);
      }
      await endings.finish(stream);
      return false;
    }
    if (stream.lifecycle === "soft_deleted") {
      if (stream.forkCount > 0) return true;
      // Whoever ended its last fork didn't come to it.
      logger.info("The stream {name} goes with its last fork.", { name: stream.name });
      await endings.endUnused(stream);
      return false;
    }
    if (!isOver(stream, clock.nowMs())) return true;
    await endings.end(stream, () => isOver(stream, clock.nowMs()));
    return false;
  }
}

/** Whether a name that was looked for is free. */
export function isFree(found: NatsStream | FreeName): found is FreeName {
  return "freeSequence" in found;
}

/** The error for a name without a stream, or with one that only forks read. */
export function missing(name: string, found: NatsStream | FreeName): StreamError {
  return isFree(found)
    ? new StreamError({ code: "not_found" }, `There is no stream ${quote(name)}.`)
    : new StreamError(
      { code: "gone" },
      `The stream ${quote(name)} was deleted; only its forks still read it.`,
    );
}
