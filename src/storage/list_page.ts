import type { OffsetSpace } from "../protocol/offset.ts";
import { listedStream } from "./describe.ts";
import type { ListedStream, ListPage } from "./storage.ts";
import type { Stream } from "./stream.ts";

/**
 * Names looked at for a page beyond those asked for: of many that are over but still in their rows, a
 * page may show few, and the next one goes on behind them.
 */
const EXTRA_LOOKS = 1000;

/**
 * Takes up to `limit` of the streams found, in their order.
 *
 * @param isListed whether a stream found is shown at all
 * @param spaceOf the space that its offsets are of
 */
export function takePage(
  found: Iterable<Stream>,
  limit: number,
  isListed: (stream: Stream) => boolean,
  spaceOf: (stream: Stream) => OffsetSpace,
): ListPage {
  const streams: ListedStream[] = [];
  let looked = 0;
  let last: string | undefined;
  for (const stream of found) {
    const listed = isListed(stream);
    if (listed && streams.length === limit) return { streams, next: streams.at(-1)?.name };
    if (looked++ === limit + EXTRA_LOOKS) return { streams, next: last };
    last = stream.name;
    if (listed) streams.push(listedStream(stream, spaceOf(stream)));
  }
  return { streams, next: undefined };
}
