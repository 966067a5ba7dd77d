import { compareNames } from "../../protocol/name_order.ts";
import type { Clock } from "../../env/clock.ts";
import type { OffsetSpaces } from "../offset_spaces.ts";
import type { Stream } from "../stream.ts";
import type { Streams } from "../streams.ts";
import type { Link, LinkPage } from "../subscription_store.ts";
import { literalPrefix, matches } from "../../protocol/name_pattern.ts";
import { ackedToken } from "./pending_streams.ts";
import type { SubscriptionEntry } from "./subscription_entry.ts";

/** Streams looked at for a page: of many that don't match a page may show few, and the next goes on behind. */
const LOOKS_LIMIT = 2000;

/** What {@link LinkList} looks at. */
export interface LinkListParts {
  clock: Clock;
  streams: Streams;
  spaces: OffsetSpaces;
}

/** The streams that a subscription follows, explicit ones also where they aren't there, by name. */
export class LinkList {
  readonly #parts: LinkListParts;

  constructor(parts: LinkListParts) {
    this.#parts = parts;
  }

  /** Up to `limit` of them after a name. */
  page(entry: SubscriptionEntry, after: string | undefined, limit: number): LinkPage {
    // One more than fits says that there are more.
    const explicit = entry.linksAfter(after ?? "", limit + 1);
    const { streams, end } = this.#matched(entry, after ?? "", limit);
    const paths = [...new Set([...explicit, ...streams.keys()])].sort(compareNames)
      .filter((path) => end === undefined || compareNames(path, end) <= 0);
    const links = paths.slice(0, limit)
      .map((path) => this.#link(entry, path, streams.get(path) ?? this.#parts.streams.find(path)));
    return { links, next: paths.length > limit ? links.at(-1)?.path : end };
  }

  /** Streams that match the pattern, none of them loaded for it, and up to where was looked if not to the end. */
  #matched(
    { pattern, config }: SubscriptionEntry,
    after: string,
    limit: number,
  ): { streams: Map<string, Stream>; end: string | undefined } {
    const streams = new Map<string, Stream>();
    if (pattern === undefined) return { streams, end: undefined };
    let looked = 0;
    for (
      const stream of this.#parts.streams.list({ prefix: literalPrefix(pattern), after }, limit)
    ) {
      const isLinked = matches(pattern, stream.name) && stream.name !== config.wakeStream;
      if (isLinked && this.#isThere(stream)) streams.set(stream.name, stream);
      if (++looked === LOOKS_LIMIT || streams.size === limit) return { streams, end: stream.name };
    }
    return { streams, end: undefined };
  }

  #link({ links, cursors }: SubscriptionEntry, path: string, stream: Stream | undefined): Link {
    const isExplicit = links.has(path);
    if (stream === undefined || !this.#isThere(stream)) {
      return { path, isExplicit, ackedOffset: "-1" };
    }
    const acked = Math.min(cursors.get(stream.id) ?? Infinity, stream.durableTail);
    return { path, isExplicit, ackedOffset: ackedToken(this.#parts.spaces.of(stream), acked) };
  }

  #isThere(stream: Stream): boolean {
    return stream.isThere(this.#parts.clock.nowMs());
  }
}
