import { StreamError } from "../../../protocol/errors.ts";
import type { OffsetSpaces } from "../../offset_spaces.ts";
import { checkPolicies, samePolicies, type StreamPolicies } from "../../policies.ts";
import type { CreateSpec, StreamChange } from "../../storage.ts";
import { changedPolicies } from "../../updates.ts";
import type { NatsStream } from "../streams/nats_stream.ts";
import type { StreamQueue } from "../streams/stream_queue.ts";
import { checkLimits, type NatsTrimPoints } from "./nats_trim_points.ts";

/** What {@link Trims} work on. */
export interface TrimsParts {
  readonly points: NatsTrimPoints;
  readonly spaces: OffsetSpaces;
  queueOf(stream: NatsStream): StreamQueue;
}

/** What is to be recorded, as far as it still makes sense on the stream's newest state. */
interface WantedRetention {
  readonly earliest: number;
  readonly messages: number;
  policies(): StreamPolicies | undefined;
  isWanted?(): boolean;
}

/**
 * Records trims and policies: a message of the stream, which is decided on its newest state like an append.
 * So of several front ends that trim and append at once each sees what the others did.
 */
export class Trims {
  readonly #parts: TrimsParts;
  /** How many were recorded here, and what they let go of. */
  count = 0;
  bytes = 0;

  constructor(parts: TrimsParts) {
    this.#parts = parts;
  }

  /**
   * Changes a stream as somebody asks for it.
   *
   * @returns false where the stream isn't there any more
   * @throws {StreamError} as `Storage.update`
   */
  async change(stream: NatsStream, change: StreamChange): Promise<boolean> {
    checkCompacts(change);
    checkLimits(stream, change.retention ?? undefined);
    const { points, spaces } = this.#parts;
    const { trimBefore } = change;
    const end = { tail: stream.tail, messages: stream.buffer.messages };
    const earliest = trimBefore === undefined
      ? stream.earliest
      : await points.asked(stream, trimBefore, spaces.of(stream));
    const messages = earliest > stream.earliest
      ? await points.messagesBefore(stream, earliest, end)
      : 0;
    const policies = () => changedPolicies(stream.policies, change);
    return await this.#record(stream, { earliest, messages, policies });
  }

  /**
   * Trims a stream because its policies say so, unless they are others by now, or the snapshot that it had
   * is deleted: it may have been trimmed to that.
   *
   * @throws {StreamError} `storage_unreachable`
   */
  async trim(stream: NatsStream, earliest: number, messages: number): Promise<void> {
    const { policies } = stream;
    const snapshotPosition = stream.keptSnapshot?.position ?? 0;
    const isWanted = () =>
      samePolicies(policies, stream.policies) &&
      (stream.keptSnapshot?.position ?? 0) >= snapshotPosition;
    await this.#record(stream, { earliest, messages, policies: () => policies, isWanted });
  }

  async #record(
    stream: NatsStream,
    { earliest, messages, policies: policiesOf, isWanted }: WantedRetention,
  ): Promise<boolean> {
    let from = stream.earliest;
    const event = await this.#parts.queueOf(stream).record(() => {
      if (stream.lifecycle !== "there" || isWanted?.() === false) return undefined;
      from = stream.earliest;
      const to = Math.max(from, earliest);
      const policies = policiesOf();
      if (to === from && samePolicies(policies, stream.policies)) return undefined;
      const isTrim = to > from;
      return {
        kind: "retention",
        earliest: to,
        messages: isTrim ? messages : stream.earliestMessages,
        policies,
      };
    });
    if (event?.kind === "retention" && event.earliest > from) {
      this.count++;
      this.bytes += event.earliest - from;
    }
    return stream.lifecycle === "there";
  }
}

/**
 * The policies of a stream that is made.
 *
 * @param source of a fork
 * @throws {StreamError} `compaction_unsupported` or `invalid_header`
 */
export function newPolicies(
  { policies }: CreateSpec,
  source: NatsStream | undefined,
): StreamPolicies | undefined {
  if (policies === "inherit") return source?.policies;
  if (policies !== undefined) checkCompacts(policies);
  return checkPolicies(policies);
}

/** @throws {StreamError} `compaction_unsupported` */
function checkCompacts({ compaction }: StreamChange | StreamPolicies): void {
  if (compaction === undefined || compaction === null) return;
  throw new StreamError(
    { code: "compaction_unsupported" },
    "The storage doesn't compact streams.",
  );
}
