import type { AbortSignalLike, HttpRequest, HttpResponse } from "../../http/handler.ts";
import { StreamError } from "../../protocol/errors.ts";
import { formatOffset } from "../../protocol/offset.ts";
import type { ListedStream, ListPage, ListRequest } from "../../storage/storage.ts";
import { yieldToEventLoop } from "../../storage/yield_to_event_loop.ts";
import { listGranted } from "../access/granted_list.ts";
import { type Asker, requireAny } from "../access/guard.ts";
import { jsonResponse } from "../common/json_response.ts";
import { timeOf } from "../common/json_time.ts";
import type { ServerContext } from "../verbs/context.ts";
import { integer, single } from "./query.ts";
import { countReaders } from "./readers.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
/** So many names are looked at for a page of a search, or of a tree. */
const LOOKS_LIMIT = 20_000;
/** Names that are looked at together in a search. */
const SEARCHED = 1000;
/** And in a tree, where most that come behind a folder's first name are in that folder. */
const GROUPED = 64;
/** Comes after all that a folder has, but for names that nobody gives. */
const LAST = "\u{10ffff}";
const SLASH = "/";

interface Asked {
  readonly prefix: string;
  readonly after: string;
  readonly limit: number;
  /** What names have to have behind the prefix, in lower case; empty for all. */
  readonly part: string;
  readonly isTree: boolean;
}

interface Found {
  readonly streams: readonly ListedStream[];
  readonly folders?: readonly string[];
  readonly next: string | undefined;
  readonly scanned: number;
}

/** A page, and how many names were looked at for it where that were more than it has. */
type FoundPage = ListPage & { readonly looked?: number };
type List = (request: ListRequest) => Promise<FoundPage>;

/**
 * GET of a page of the streams that may be seen, with more about each than the listing says, those whose
 * names have a part, or one level of the tree that slashes make of them (an extension).
 */
export async function listStreams(
  context: ServerContext,
  request: HttpRequest,
  asker: Asker,
): Promise<HttpResponse> {
  requireAny(asker, "list");
  const { storage, config } = context;
  if (!config.listing) {
    throw new StreamError(
      { code: "not_found" },
      "This server doesn't list its streams: start it with --listing, or DURABLE_STREAMS_LISTING=true " +
        "(createApp has the option listing).",
    );
  }
  const asked = parseQuery(request.url);
  const list: List = (request) =>
    asker === undefined ? storage.list(request) : listGranted(storage, asker, request);
  const { streams, folders, next, scanned } = await find(list, asked, request.signal);
  const readers = await countReaders(context, streams.map(({ id }) => id));
  const isShown = (name: string) => asker === undefined || asker.allows("read", name);
  const json = {
    ...(folders === undefined ? {} : { folders: folders.map((name) => ({ name })) }),
    streams: streams.map((stream) => toJson(stream, readers.get(stream.id) ?? 0, isShown)),
    next,
    scanned,
  };
  return jsonResponse(200, JSON.stringify(json));
}

/** @param signal whoever types on wants none of it any more: then what there is so far is told to nobody */
async function find(list: List, asked: Asked, signal: AbortSignalLike): Promise<Found> {
  if (asked.isTree) return await findLevel(list, asked, signal);
  if (asked.part !== "") return await findPart(list, asked, signal);
  const { streams, next } = await list(asked);
  return { streams, next, scanned: streams.length };
}

async function findPart(
  list: List,
  { prefix, after, limit, part }: Asked,
  signal: AbortSignalLike,
): Promise<Found> {
  const streams: ListedStream[] = [];
  let scanned = 0;
  let looked = 0;
  let next: string | undefined = after;
  while (next !== undefined && looked < LOOKS_LIMIT && !signal.aborted) {
    const page: FoundPage = await list({ prefix, after: next, limit: SEARCHED });
    for (const stream of page.streams) {
      if (streams.length === limit) return { streams, next, scanned };
      scanned++;
      next = stream.name;
      if (stream.name.slice(prefix.length).toLowerCase().includes(part)) streams.push(stream);
    }
    next = page.next;
    looked += page.looked ?? page.streams.length;
    await yieldToEventLoop();
  }
  return { streams, next, scanned };
}

/**
 * The next names; `undefined` where so many of others come first that the list gives up, and some were found
 * before: these are told, and whoever goes on is told why not.
 */
async function goOn(
  list: List,
  request: ListRequest,
  scanned: number,
): Promise<FoundPage | undefined> {
  try {
    return await list(request);
  } catch (error) {
    const isGivenUp = error instanceof StreamError && error.code === "invalid_query";
    if (isGivenUp && scanned > 0) return undefined;
    throw error;
  }
}

/** What lies directly below a prefix: a folder's streams are skipped once its first was seen. */
async function findLevel(
  list: List,
  { prefix, after, limit, part }: Asked,
  signal: AbortSignalLike,
): Promise<Found> {
  const streams: ListedStream[] = [];
  const folders: string[] = [];
  let scanned = 0;
  let looked = 0;
  let last: string | undefined = after;
  while (last !== undefined && looked < LOOKS_LIMIT && !signal.aborted) {
    const page = await goOn(list, { prefix, after: last, limit: GROUPED }, scanned);
    if (page === undefined) break;
    scanned += page.streams.length;
    looked += page.looked ?? page.streams.length;
    for (const stream of page.streams) {
      const folder = folderOf(stream.name, prefix);
      const isNew = folder === undefined || folder !== folders.at(-1);
      if (isNew && (folder ?? stream.name).slice(prefix.length).toLowerCase().includes(part)) {
        if (streams.length + folders.length === limit) {
          return { streams, folders, next: behind(last, prefix), scanned };
        }
        if (folder === undefined) streams.push(stream);
        else folders.push(folder);
      }
      last = stream.name;
    }
    last = page.next === undefined ? undefined : behind(page.next, prefix);
    await yieldToEventLoop();
  }
  return { streams, folders, next: last, scanned };
}

/** What comes after a name's folder, or after the name where it is in none. */
function behind(name: string, prefix: string): string {
  const folder = folderOf(name, prefix);
  // Unless the folder has names that come even later.
  return folder === undefined || name.startsWith(folder + LAST) ? name : folder + LAST;
}

/** The folder below a prefix that a name is in, with the slash at its end. */
function folderOf(name: string, prefix: string): string | undefined {
  const slash = name.indexOf(SLASH, prefix.length);
  return slash < 0 ? undefined : name.slice(0, slash + 1);
}

function parseQuery(url: string): Asked {
  const parameters = new URL(url).searchParams;
  const delimiter = single(parameters, "delimiter") ?? "";
  if (delimiter !== "" && delimiter !== SLASH) {
    throw new StreamError(
      { code: "invalid_query" },
      "The delimiter isn't a slash: expected delimiter=/, or none for all streams.",
    );
  }
  return {
    prefix: single(parameters, "prefix") ?? "",
    after: single(parameters, "after") ?? "",
    limit: integer(parameters, "limit", { from: 1, to: MAX_LIMIT, default: DEFAULT_LIMIT }),
    part: (single(parameters, "q") ?? "").toLowerCase(),
    isTree: delimiter === SLASH,
  };
}

/** @param isShown whether another stream's name may be said */
function toJson(
  stream: ListedStream,
  readers: number,
  isShown: (name: string) => boolean,
): Record<string, unknown> {
  const { name, contentType, space, tail, closed, lifetime, lastAppendAtMs, forkedFrom } = stream;
  const json: Record<string, unknown> = {
    name,
    contentType,
    nextOffset: formatOffset(space, tail),
    closed,
    size: tail - stream.earliest,
    lastAppendAt: timeOf(lastAppendAtMs ?? 0),
    readers,
  };
  if (typeof space !== "number") json["forkOffset"] = formatOffset(space, space.point);
  if (forkedFrom !== undefined && isShown(forkedFrom.name)) json["forkedFrom"] = forkedFrom.name;
  if (lifetime.kind === "ttl") json["ttlSeconds"] = lifetime.ttlSeconds;
  const expiresAt = timeOf(stream.expiresAtMs);
  if (expiresAt !== null) json["expiresAt"] = expiresAt;
  return json;
}
