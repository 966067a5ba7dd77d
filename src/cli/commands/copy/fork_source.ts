import type { Client, CreateOptions } from "../../../client/client.ts";
import { ClientError, type ClientErrorCode } from "../../../client/errors/client_error.ts";
import { START } from "../../../client/transport/place.ts";
import type { ListedStream } from "../../../client/transport/list.ts";
import type { StreamInfo } from "../../../client/transport/stream_info.ts";
import { formatOffset, streamOffsetOf } from "../../../protocol/offset.ts";

/** Where a stream of the source branches off. */
export interface ForkSource {
  /** Its content up to there is that of this one, which is copied, too; `undefined` where none is. */
  readonly source: string | undefined;
  /** The offset at the source where it branches off. */
  readonly offset: string;
}

/** Failures that say that this server can't have this fork. */
const UNFORKABLE: ReadonlySet<ClientErrorCode> = new Set([
  "bad_request",
  "conflict",
  "gone",
  "not_found",
  "unsupported",
]);

/**
 * Makes the same fork at the target, where its source was copied to that point. Resolves to `undefined`
 * where that can't be: offsets of both servers have to be positions, as this project's are.
 */
export async function forkAtTarget(
  client: Client,
  { source, offset }: ForkSource,
  name: string,
  options: Pick<CreateOptions, "ttlSeconds" | "expiresAt" | "signal">,
): Promise<StreamInfo | undefined> {
  const point = streamOffsetOf(offset)?.position;
  if (source === undefined || point === undefined) return undefined;
  try {
    const tail = streamOffsetOf((await client.head(source)).nextOffset);
    if (tail === undefined || tail.position < point) return undefined;
    // A position after its own fork point is in the space of its tail.
    const at = point === 0 ? START : formatOffset(tail.space, point);
    const created = await client.fork(source, name, { ...options, offset: at });
    const isThere = streamOffsetOf(created.nextOffset)?.position === point;
    return created.created && isThere ? created : undefined;
  } catch (error) {
    if (error instanceof ClientError && UNFORKABLE.has(error.code)) return undefined;
    throw error;
  }
}

/** Which listed stream's own offsets those of a space are. */
export class ForkSources {
  readonly #bySpace = new Map<number, string>();

  /** Notes a stream of the source that is copied. */
  add(stream: ListedStream): void {
    const tail = streamOffsetOf(stream.nextOffset);
    if (tail === undefined) return;
    const { name, forkOffset } = stream;
    const point = forkOffset === undefined ? -1 : streamOffsetOf(forkOffset)?.position;
    // A fork without anything of its own has its tail in its source's space.
    if (point === undefined || tail.position <= point) return;
    this.#bySpace.set(tail.space, name);
  }

  /** Where a fork branches off; `undefined` for a stream that is none. */
  of({ forkOffset }: ListedStream): ForkSource | undefined {
    if (forkOffset === undefined) return undefined;
    const offset = streamOffsetOf(forkOffset);
    return { source: offset && this.#bySpace.get(offset.space), offset: forkOffset };
  }
}
