import type { Clock } from "../../../env/clock.ts";
import { yieldToEventLoop } from "../../yield_to_event_loop.ts";
import type { RetentionMeasures } from "../../measures.ts";
import type { MessageCounts } from "../../message_counts.ts";
import type { OffsetSpaces } from "../../offset_spaces.ts";
import type { RangeReader } from "../../range_reader.ts";
import { RetentionEnforcer } from "../../retention_enforcer.ts";
import { type RetentionRule, RetentionRules } from "../../retention_rules.ts";
import type { StreamChange, StreamInfo } from "../../storage.ts";
import type { Subjects } from "../cluster/subjects.ts";
import type { StreamMessage } from "../format/message.ts";
import type { JetStream } from "../jetstream.ts";
import type { NatsSettings } from "../options.ts";
import type { NatsBlocks } from "../reading/nats_blocks.ts";
import type { LoadedStreams } from "../streams/loaded_streams.ts";
import type { NatsStream } from "../streams/nats_stream.ts";
import type { Snapshots } from "../streams/snapshots.ts";
import type { StreamDirectory } from "../streams/stream_directory.ts";
import type { StreamLoader } from "../streams/stream_loader.ts";
import type { StreamQueue } from "../streams/stream_queue.ts";
import { NatsTrimPoints } from "./nats_trim_points.ts";
import { Purges } from "./purges.ts";
import { RetentionWalk } from "./retention_walk.ts";
import { Trims } from "./trims.ts";

/** Of several front ends that have a stream in memory the one that wrote last trims it, others this much later. */
const OTHERS_LATER_MS = 60_000;

/** What {@link Retention} works on. */
export interface RetentionParts {
  readonly clock: Clock;
  readonly frontEnd: number;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly loaded: LoadedStreams;
  readonly loader: StreamLoader;
  readonly directory: StreamDirectory;
  readonly snapshots: Snapshots;
  readonly spaces: OffsetSpaces;
  readonly reader: RangeReader;
  readonly blocks: NatsBlocks;
  readonly counts: MessageCounts;
  readonly settings: Pick<NatsSettings, "retention" | "random">;
  queueOf(stream: NatsStream): StreamQueue;
}

/** How a front end keeps less than all of streams. */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #trims: Trims;
  readonly #purges: Purges;
  readonly #walk: RetentionWalk;
  readonly #enforcer: RetentionEnforcer<NatsStream>;
  /** Until when those wait that another front end writes to, by their ids. */
  readonly #left = new Map<number, number>();

  /** @throws {RangeError} where a rule makes no sense */
  constructor(parts: RetentionParts) {
    this.#parts = parts;
    const { clock, reader, blocks, counts, settings } = parts;
    const points = new NatsTrimPoints(reader, blocks, counts);
    this.#trims = new Trims({ ...parts, points });
    this.#purges = new Purges(parts);
    this.#enforcer = new RetentionEnforcer<NatsStream>({
      clock,
      points,
      load: (id) => this.#mine(id),
      trim: (stream, earliest, messages) => this.#trims.trim(stream, earliest, messages),
      pause: yieldToEventLoop,
    });
    this.#enforcer.setRules(new RetentionRules(settings.retention));
    this.#walk = new RetentionWalk({
      ...parts,
      random: settings.random,
      hasRule: (name) => this.#enforcer.rules.matches(name),
      onFound: (stream) => {
        this.onGrown(stream, false);
        this.#purges.schedule(stream);
      },
    });
  }

  /**
   * Changes a stream as somebody asks for it; false where it isn't there any more.
   *
   * @throws {StreamError} as `Storage.update`
   */
  async change(stream: NatsStream, change: StreamChange): Promise<boolean> {
    const isThere = await this.#trims.change(stream, change);
    const isPolicy = change.retention !== undefined || change.compaction !== undefined;
    if (isPolicy && isThere) this.#enforcer.changed(stream);
    return isThere;
  }

  /** What readers see of a stream, with the policies in force. */
  infoOf(stream: NatsStream): StreamInfo {
    const info = stream.infoIn(this.#parts.spaces.of(stream));
    if (this.#enforcer.rules.isNone) return info;
    return { ...info, policies: this.#enforcer.policiesOf(stream.name, info.policies) };
  }

  /** A stream in memory goes further, or came into memory: `isFirst` where it held nothing before. */
  onGrown(stream: NatsStream, isFirst: boolean): void {
    const { id, lifecycle, callMarks } = stream;
    if (lifecycle !== "there") return this.#enforcer.removed(id);
    if (callMarks.writtenBy === this.#parts.frontEnd && this.#left.delete(id)) {
      this.#enforcer.schedule(id, this.#parts.clock.nowMs());
    }
    this.#enforcer.appended(stream, isFirst);
  }

  /** This front end has stored a message: something may be needed no more. */
  onStored(stream: NatsStream, { kind }: StreamMessage): void {
    if (kind === "appends" || kind === "part" || kind === "touched") return;
    this.#purges.schedule(stream);
    // Up to there it may be trimmed.
    if (kind === "snapshot") this.#enforcer.changed(stream);
  }

  /** A stream has left memory: what is due is found by the walk then. */
  forget({ id }: NatsStream): void {
    this.#enforcer.removed(id);
    this.#left.delete(id);
  }

  /**
   * Makes ready to put other rules of patterns in place, which the returned function does.
   *
   * @throws {RangeError} where a rule makes no sense
   */
  prepareRules(rules: readonly RetentionRule[]): () => void {
    const parsed = new RetentionRules(rules);
    return () => {
      if (parsed.isNone && this.#enforcer.rules.isNone) return;
      this.#enforcer.setRules(parsed);
      for (const stream of this.#parts.loaded.all()) {
        if (stream.lifecycle === "there") this.#enforcer.changed(stream);
      }
      this.#walk.walkSoon();
    };
  }

  /** As in `StorageMeasures.retention`. */
  measure(): RetentionMeasures {
    return {
      trims: this.#trims.count,
      trimmedBytes: this.#trims.bytes,
      waitingStreams: this.#enforcer.waitingStreams,
      lagSeconds: this.#enforcer.lagMs / 1000,
    };
  }

  /** To be called about once a second. */
  tick(): void {
    this.#purges.tick();
    this.#walk.tick();
  }

  /** Nothing is trimmed or removed any more. */
  async stop(): Promise<void> {
    await this.#walk.stop();
    await this.#enforcer.stop();
    await this.#purges.stop();
  }

  /** A stream that is due, unless that is left to another front end for now. */
  #mine(id: number): NatsStream | undefined {
    const stream = this.#parts.loaded.byId(id);
    const writtenBy = stream?.callMarks.writtenBy ?? 0;
    const isOthers = writtenBy !== 0 && writtenBy !== this.#parts.frontEnd;
    const untilMs = this.#left.get(id);
    const nowMs = this.#parts.clock.nowMs();
    if (!isOthers || (untilMs !== undefined && untilMs <= nowMs)) {
      this.#left.delete(id);
      return stream;
    }
    const waitsUntilMs = untilMs ?? nowMs + OTHERS_LATER_MS;
    this.#left.set(id, waitsUntilMs);
    this.#enforcer.schedule(id, waitsUntilMs);
    return undefined;
  }
}
