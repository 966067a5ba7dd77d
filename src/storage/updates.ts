import { getLogger } from "@logtape/logtape";
import { checkCompaction } from "../protocol/compaction_policy.ts";
import type { Clock } from "../env/clock.ts";
import { StreamError } from "../protocol/errors.ts";
import type { Admission } from "./admission.ts";
import { applyPolicies, applyTrim } from "./apply.ts";
import { type Journal, NO_OTHERS } from "./journal.ts";
import type { OffsetSpaces } from "./offset_spaces.ts";
import { checkPolicies, samePolicies, type StreamPolicies } from "./policies.ts";
import type { PoliciesRecord, TrimRecord } from "./records.ts";
import type { RetentionMeasures } from "./measures.ts";
import { RetentionEnforcer } from "./retention_enforcer.ts";
import type { RetentionRules } from "./retention_rules.ts";
import type { CreateSpec, StreamChange, StreamInfo, Updated } from "./storage.ts";
import type { Stream } from "./stream.ts";
import type { StreamObserver } from "./stream_observer.ts";
import type { DescribedStreams } from "./streams.ts";
import type { TrimPoints } from "./trim_points.ts";

const logger = getLogger(["durable-streams", "storage", "retention"]);

/** So many streams are told of other rules before others run. */
const SLICE_STREAMS = 200;

/** How a storage keeps less than all of its streams. */
export interface RetentionParts<S extends Stream> {
  /** Whether it does at all. */
  readonly isSupported: boolean;
  /** Whether it compacts streams. */
  readonly compacts: boolean;
  /** What patterns of names say at first. */
  readonly rules: RetentionRules;
  /** The streams in memory. */
  loaded(): Iterable<S>;
  /** As in `RetentionEnforcerParts`. */
  findDue?(nowMs: number, limit: number): readonly number[] | undefined;
  /** As in `RetentionEnforcerParts`. */
  onDue?(stream: S): void;
  /** The rules of patterns are others: streams that aren't in memory are to be looked at, too. */
  onRules?(rules: RetentionRules, schedule: (id: number) => void): void;
  /** As in `RetentionEnforcerParts`. */
  pause(): Promise<void>;
}

/** What {@link Updates} work on: parts of the engine, and its look-ups. */
export interface UpdatesParts<S extends Stream> {
  readonly clock: Clock;
  readonly admission: Admission;
  readonly journal: Journal<S>;
  readonly streams: DescribedStreams<S>;
  readonly spaces: OffsetSpaces;
  readonly retention: RetentionParts<S>;
  readonly points: TrimPoints;
  observer(): StreamObserver<S>;
  /** Looks for the stream's snapshot, as far as that isn't known yet: up to there it may be trimmed. */
  findSnapshot(stream: S): void;
  /** The stream of this name as commands see it. */
  find(name: string): S | undefined;
  /** The error for a name without a stream, once that is durable. */
  missing(name: string, stream: S | undefined): Promise<StreamError>;
}

/**
 * Changes of an engine's streams that append nothing: trims and policies. What is read for one is read
 * first, and then it is decided, with nothing in between. A storage's own trims come the same way.
 */
export class Updates<S extends Stream> {
  readonly enforcer: RetentionEnforcer<S>;
  readonly #parts: UpdatesParts<S>;
  #trims = 0;
  #trimmedBytes = 0;

  constructor(parts: UpdatesParts<S>) {
    this.#parts = parts;
    const { clock, points, streams, retention } = parts;
    this.enforcer = new RetentionEnforcer<S>({
      ...retention,
      clock,
      points,
      load: (id) => streams.loadIfThere(id),
      findSnapshot: (stream) => parts.findSnapshot(stream),
      trim: (stream, earliest, messages) => {
        // Nobody asked for it, and so it comes without being let in.
        parts.admission.checkUnadmitted();
        this.#trim(stream, earliest, messages);
      },
    });
    this.enforcer.setRules(retention.rules);
  }

  /** As `Storage.update`. */
  async update(name: string, change: StreamChange): Promise<Updated> {
    const { admission, journal, spaces, points, find, missing } = this.#parts;
    for (let gate; (gate = admission.admit("delete", 0));) await gate;
    const stream = find(name);
    if (stream === undefined || stream.lifecycle !== "there") throw await missing(name, stream);
    const space = spaces.of(stream);
    try {
      this.#checkSupported(change);
      if (change.compaction) checkCompaction(change.compaction, stream.contentType);
      const { trimBefore } = change;
      const end = { tail: stream.tail, messages: stream.buffer.messages };
      const earliest = trimBefore === undefined
        ? stream.earliest
        : await points.asked(stream, trimBefore, space);
      const messages = earliest > stream.earliest
        ? await points.messagesBefore(stream, earliest, end)
        : 0;
      // It may have gone while it was looked at, and its name be another's.
      if (find(name) !== stream) return await this.update(name, change);
      this.#setPolicies(stream, changedPolicies(stream.policies, change));
      if (earliest > stream.earliest) this.#trim(stream, earliest, messages);
    } catch (error) {
      await journal.durable(stream.lsn);
      throw error;
    }
    const { earliest, tail, policies } = stream;
    await journal.durable(stream.lsn);
    return { space, earliest, tail, policies: this.enforcer.policiesOf(name, policies) };
  }

  /**
   * The policies of a stream that is made.
   *
   * @param source of a fork
   * @throws {StreamError} `retention_unsupported`, `compaction_unsupported` or `invalid_header`
   */
  newPolicies({ policies }: CreateSpec, source: S | undefined): StreamPolicies | undefined {
    if (policies === "inherit") return source?.policies;
    if (policies !== undefined) this.#checkSupported(policies);
    return checkPolicies(policies);
  }

  /** What readers see of a stream, with the policies in force. */
  infoOf(stream: S): StreamInfo {
    const info = stream.infoIn(this.#parts.spaces.of(stream));
    if (this.enforcer.rules.isNone) return info;
    return { ...info, policies: this.enforcer.policiesOf(stream.name, info.policies) };
  }

  /** Puts other rules of patterns in place. */
  setRules(rules: RetentionRules): void {
    const before = this.enforcer.rules;
    if (rules.isNone && before.isNone) return;
    this.enforcer.setRules(rules);
    void this.#changeAll(rules);
  }

  /** Streams are looked at by other rules, some at a time: those in memory first. */
  async #changeAll(rules: RetentionRules): Promise<void> {
    const { clock, retention } = this.#parts;
    let count = 0;
    for (const stream of retention.loaded()) {
      this.enforcer.changed(stream);
      if (++count % SLICE_STREAMS > 0) continue;
      try {
        await retention.pause();
      } catch (error) {
        // The storage has failed, or is closed.
        logger.debug("Not all streams are looked at by other rules: {error}", { error });
        return;
      }
      if (this.enforcer.rules !== rules) return;
    }
    retention.onRules?.(rules, (id) => this.enforcer.schedule(id, clock.nowMs()));
  }

  /** As in `StorageMeasures.retention`. */
  measure(): RetentionMeasures {
    return {
      trims: this.#trims,
      trimmedBytes: this.#trimmedBytes,
      waitingStreams: this.enforcer.waitingStreams,
      lagSeconds: this.enforcer.lagMs / 1000,
    };
  }

  /** @throws {StreamError} `retention_unsupported` or `compaction_unsupported` */
  #checkSupported({ compaction, ...others }: StreamChange): void {
    const { isSupported, compacts } = this.#parts.retention;
    if (!compacts && compaction !== undefined && compaction !== null) {
      throw new StreamError(
        { code: "compaction_unsupported" },
        "The storage doesn't compact streams.",
      );
    }
    const asks = Object.values(others).some((each) => each !== undefined);
    if (isSupported || !asks) return;
    throw new StreamError(
      { code: "retention_unsupported" },
      "The storage keeps all of every stream.",
    );
  }

  /** Records that what lies before a position can't be read any more. */
  #trim(stream: S, earliest: number, ownMessages: number): void {
    const { clock, journal, streams, observer } = this.#parts;
    const { earliest: from, heldBytes } = stream;
    const record: TrimRecord = {
      kind: "trim",
      id: stream.id,
      atMs: clock.nowMs(),
      earliest,
      messages: ownMessages,
    };
    const { tail, closed, buffer: { messages } } = stream;
    // Before it is durable a crash would undo it, and so all is kept until then.
    const show = () => {
      stream.showTrim(earliest);
      streams.release(stream);
    };
    const effect = { stream, tail, closed, messages, others: NO_OTHERS, show };
    stream.lsn = journal.append(record, effect);
    applyTrim(stream, record);
    streams.markDirty(stream);
    observer().trimmed(stream, heldBytes - stream.heldBytes, stream.lsn);
    this.#trims++;
    this.#trimmedBytes += stream.earliest - from;
  }

  #setPolicies(stream: S, policies: StreamPolicies | undefined): void {
    if (samePolicies(stream.policies, policies)) return;
    const { clock, journal, streams } = this.#parts;
    const record: PoliciesRecord = {
      kind: "policies",
      id: stream.id,
      atMs: clock.nowMs(),
      policies,
    };
    const { tail, closed, buffer: { messages } } = stream;
    const show = () => stream.showPolicies(policies);
    const effect = { stream, tail, closed, messages, others: NO_OTHERS, show };
    stream.lsn = journal.append(record, effect);
    applyPolicies(stream, record);
    streams.markDirty(stream);
    this.enforcer.changed(stream);
  }
}

/**
 * The policies of a stream after a change.
 *
 * @throws {StreamError} `invalid_header`
 */
export function changedPolicies(
  policies: StreamPolicies = {},
  change: StreamChange,
): StreamPolicies | undefined {
  const { retention = policies.retention, compaction = policies.compaction } = change;
  return checkPolicies({
    ...(retention === undefined || retention === null ? {} : { retention }),
    ...(compaction === undefined || compaction === null ? {} : { compaction }),
  });
}
