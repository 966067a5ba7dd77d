import type { NameRange, Rights } from "../../access/rights.ts";
import { StreamError } from "../../protocol/errors.ts";
import { compareNames } from "../../protocol/name_order.ts";
import type { ListedStream, ListPage, ListRequest, Storage } from "../../storage/storage.ts";
import { yieldToEventLoop } from "../../storage/yield_to_event_loop.ts";

/** So many streams are looked at for a page, where most of them are none that may be seen. */
const LOOKS_LIMIT = 20_000;
/** Streams that are looked at together. */
const BATCH = 1000;

/** A page, and how many streams were looked at for it: of others nothing else is said. */
export interface GrantedPage extends ListPage {
  readonly looked: number;
}

/**
 * One page of the streams that somebody may both list and read, as if there were no others: `next` is never
 * the name of another. Looked for only where their grants say that some may be.
 *
 * @throws {StreamError} `invalid_query` where 20,000 others come first
 */
export async function listGranted(
  storage: Pick<Storage, "list">,
  asker: Rights,
  { prefix = "", after = "", limit }: ListRequest,
): Promise<GrantedPage> {
  const found: ListedStream[] = [];
  let looked = 0;
  for (const range of rangesOf(asker, prefix, after)) {
    let from: string | undefined = after;
    // One more than fits says that there are more.
    for (let wanted = limit + 1 - found.length; from !== undefined; wanted = BATCH) {
      const page: ListPage = await storage.list({
        prefix: range.prefix,
        after: from,
        limit: range.isExact ? 1 : wanted,
      });
      looked += page.streams.length;
      for (const stream of page.streams) {
        if (range.isExact && stream.name !== range.prefix) break;
        if (!asker.allows("read", stream.name) || !asker.allows("list", stream.name)) continue;
        if (found.length === limit) return { streams: found, next: found.at(-1)?.name, looked };
        found.push(stream);
      }
      from = range.isExact ? undefined : page.next;
      if (from !== undefined && looked >= LOOKS_LIMIT) return cutShort(found, looked);
      if (from !== undefined) await yieldToEventLoop();
    }
  }
  return { streams: found, next: undefined, looked };
}

function cutShort(found: ListedStream[], looked: number): GrantedPage {
  const last = found.at(-1);
  if (last !== undefined) return { streams: found, next: last.name, looked };
  throw new StreamError(
    { code: "invalid_query" },
    `None of the next ${LOOKS_LIMIT} streams is one that these credentials may list and read: give a ` +
      "longer prefix.",
  );
}

/** Where readable names with this beginning may be that come after another, in order and each once. */
function rangesOf(asker: Rights, prefix: string, after: string): NameRange[] {
  const all = asker.ranges("read").flatMap((range) => within(range, prefix))
    .filter((range) => !isBefore(range, after));
  const ranges = all.filter((range, i) =>
    !all.some((other, j) => i !== j && isPartOf(range, other) && (j < i || !isPartOf(other, range)))
  );
  return ranges.sort((one, other) => compareNames(one.prefix, other.prefix));
}

function within(range: NameRange, prefix: string): NameRange[] {
  if (range.prefix.startsWith(prefix)) return [range];
  return !range.isExact && prefix.startsWith(range.prefix) ? [{ prefix, isExact: false }] : [];
}

function isBefore({ prefix, isExact }: NameRange, after: string): boolean {
  if (after === "") return false;
  if (isExact) return compareNames(prefix, after) <= 0;
  return compareNames(prefix, after) < 0 && !after.startsWith(prefix);
}

function isPartOf(range: NameRange, other: NameRange): boolean {
  return other.isExact
    ? range.isExact && range.prefix === other.prefix
    : range.prefix.startsWith(other.prefix);
}
